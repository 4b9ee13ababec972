"""The common knowledge about Falco and Component: children, workload, outcome, status.

Nothing that holds for only one of both kinds belongs here.
"""
