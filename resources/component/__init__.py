"""The kind Component: `spec.py` is its schema, `desired.py` its children, `types` its types.

To add a type, add a file to `resources.component.types`; nothing else here changes.
"""
