"""The generated CustomResourceDefinitions, and the code that generates them.

`crd.py` and `structural.py` make the structural schema of a type; `generate.py` makes the text of
the YAML files in this directory. The fields of a resource are defined in `resources/`.
"""
