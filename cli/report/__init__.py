"""`report`: what maintainers need to know of a cluster, and nothing that is secret."""
