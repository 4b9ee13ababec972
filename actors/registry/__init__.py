"""Looks up tags and pulls artifacts, in child processes; knows no Kubernetes."""
