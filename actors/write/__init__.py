"""Writes to the API server: children, status and Events of a resource, and when to try again."""
