"""What Falco and Component have in common: children, workload, outcome, status."""
