"""Component: `spec.py` is its schema, `desired.py` its children and status."""
