"""Rulesfile, Plugin and Config: their sources, references, revision and status."""
