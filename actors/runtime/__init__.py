"""Actors on one event loop, and the child processes beside it; knows no Kubernetes."""
