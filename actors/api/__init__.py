"""Requests to the API server, and its errors as classes."""
