"""`check`: whether a cluster has what the operator needs; pure parts, and what reads for them."""
