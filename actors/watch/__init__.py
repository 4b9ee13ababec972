"""Watches of the API server: the newest objects, and whose actors a change wakes."""
