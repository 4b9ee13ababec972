"""Signatures in a real registry, stored as cosign v2 and v3 store them."""

from __future__ import annotations

import json

from deploy.local.publisher import INDEX, MANIFEST, push_blob, push_manifest
from tests.signing import BUNDLE, SIMPLE_SIGNING

EMPTY = "application/vnd.oci.empty.v1+json"


def store_layers(target, repository, digest, *layers):
    """Store signatures as cosign v2 does; each is a payload and the annotations of its layer."""
    entries = []
    for payload, texts in layers:
        entry = push_blob(target, repository, SIMPLE_SIGNING, payload)
        entries.append({**entry, "annotations": texts})
    config = push_blob(target, repository, "application/vnd.oci.image.config.v1+json", b"{}")
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": entries}
    push_manifest(target, repository, [f"{digest.replace(':', '-')}.sig"], document)


def store_bundles(target, repository, digest, *bundles, subject=None):
    """Store bundles as cosign v3 does where there is no API for referrers, in place of any before.

    The index has the artifact type that cosign has written wrongly for long.
    """
    config = push_blob(target, repository, EMPTY, b"{}")
    entries = []
    for bundle in bundles:
        text = bundle if isinstance(bundle, bytes) else json.dumps(bundle).encode()
        layer = push_blob(target, repository, BUNDLE, text)
        refers_to = {"mediaType": MANIFEST, "digest": subject or digest, "size": 1}
        document = {"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": BUNDLE}
        document |= {"config": config, "layers": [layer], "subject": refers_to}
        entries.append({**push_manifest(target, repository, [], document), "artifactType": EMPTY})
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
    push_manifest(target, repository, [digest.replace(":", "-")], index)
