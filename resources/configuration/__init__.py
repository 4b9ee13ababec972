"""Falco's configuration: the keys of falco.yaml, its fragments, and how Falco merges them."""
