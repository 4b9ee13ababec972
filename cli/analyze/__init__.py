"""What is in files, whether Falco would take it, and what the operator would make of it."""
