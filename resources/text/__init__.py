"""Text from outside: YAML read and written within bounds, and foreign text in messages.

Nothing about Kubernetes or about what the text means to Falco belongs here.
"""
