"""The generated CustomResourceDefinitions, and the command that generates them.

Belongs here: `generate.py` and what it writes. Schemas are decided in `resources/`.
"""
