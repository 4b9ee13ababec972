"""What a process has around its tree: life, logs, endpoints, metrics."""
