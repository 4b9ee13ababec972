"""What the actors of the operator and of a sidecar do: traces in sentences, tables, their page."""
