"""OCI registries: hosts, credentials, manifests, and the requests for a lookup or a pull.

Nothing is sent from here; `actors.registry` does that.
"""
