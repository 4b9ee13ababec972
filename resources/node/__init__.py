"""What a node installs, whether Falco would load it, and what the node reports of it."""
