"""What a user may see of a cluster, read by their kubeconfig."""
