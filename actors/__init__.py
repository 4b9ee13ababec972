"""The actor runtime, the Kubernetes side and the operator's actors.

Belongs here: what acts. Mail, actors, backoff and traces; client, watcher, store, router, applier,
status and event writers; one module for each kind that the operator reconciles.

May not enter: who supervises an actor (`supervisors`), what happens on a node (`sidecar`), and any
decision that can be made without effects (`resources`).
"""
