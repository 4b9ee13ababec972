"""What every process has around its supervision tree: settings, logs, endpoints, metrics."""
