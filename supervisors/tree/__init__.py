"""Supervisors and their children, in Erlang's words."""
