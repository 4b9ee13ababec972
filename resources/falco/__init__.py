"""The kind Falco: `spec.py` is its schema, `desired.py` its children.

Whether a Falco is Available is decided in `resources.instance.availability`.
"""
