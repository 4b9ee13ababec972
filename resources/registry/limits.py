"""The bounds of what is taken from a registry: bytes and seconds."""

from __future__ import annotations

MAX_LAYER_BYTES = 256 * 1024 * 1024
"""The bytes of an artifact's one layer, as it is sent, and of the file in it, once unpacked.

The sidecar lowers or raises this for each kind of artifact by a flag (`sidecar.settings`). Refused
are a declared size above it (`resources.registry.manifest.blobs_of`), more bytes than declared
(`actors.registry.pull`), and a larger unpacked file (`actors.registry.archive.only_file`).
"""

MAX_DOCUMENT_BYTES = 256 * 1024
"""The bytes of a manifest, an index or a config.

Those of real artifacts have a few kilobytes; decoded, a hostile document takes forty times its
size.
"""

MAX_HEADER_BYTES = 64 * 1024
"""The bytes of an answer's status line and headers; those of real registries have some hundreds."""

IDLE_SECONDS = 30.0
"""A pull whose socket is silent for longer than this is given up."""

PULL_SECONDS = 300.0
"""A pull, with all its retries, takes at most this."""

MAX_TABLE_BYTES = 256 * 1024
"""The bytes of a table of registries: with a Falco's configuration it has to fit a ConfigMap."""

LONGEST_RETRY_AFTER = 3600.0
"""Seconds that a Retry-After of a registry can ask for at most."""

FILL_SECONDS = 60.0
"""Nodes are told of a digest after this, whether or not the caches have all of it by then."""
