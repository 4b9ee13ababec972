"""Looks up tags and pulls artifacts of OCI registries in child processes; knows no Kubernetes."""
