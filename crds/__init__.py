"""The generated CustomResourceDefinitions, and what generates them.

Belongs here: the structural schema of a type (`crd.py`, `structural.py`), and `generate.py`, which
says what the YAML files beside it hold. What a resource's fields are is decided in `resources/`.
"""
