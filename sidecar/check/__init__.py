"""Asks, in a child process, whether Falco would load what a node is to install."""
