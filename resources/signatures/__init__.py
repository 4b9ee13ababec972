"""Signatures of artifacts: who has to have signed, and whether a signature is theirs.

Nothing is fetched here; `actors.signature` does that, in a child process. Only such a child imports
the modules that import `cryptography`, which takes 20 MB: `certificate`, `legacy`, `public_key` and
`trusted_root`.
"""
