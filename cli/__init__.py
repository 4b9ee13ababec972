"""`kubectl falco`: what users ask about Falco's resources; the pods import none of it."""
