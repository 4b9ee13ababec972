"""`diff`: what the operator would make of files, against what a cluster has."""
