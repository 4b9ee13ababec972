"""Looks for the signatures of an artifact and verifies them, in a child process."""
