"""falco.yaml: its keys, its fragments, and how Falco merges them."""
