"""Who may write: leader election by a Lease."""
