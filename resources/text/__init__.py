"""Text from outside.

Read within bounds, written as YAML, quoted in messages; nothing of Kubernetes or Falco.
"""
