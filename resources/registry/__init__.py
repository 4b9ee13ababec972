"""OCI registries.

Hosts, credentials, manifests, and what is asked of them; nothing is sent from here.
"""
