"""The vocabulary of the API server: kinds, names, metadata, conditions, Events, managed fields.

Nothing about Falco belongs here.
"""
