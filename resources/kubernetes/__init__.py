"""What the API server knows, and nothing of Falco.

Kinds, names, metadata, conditions, Events, and the ownership of fields.
"""
