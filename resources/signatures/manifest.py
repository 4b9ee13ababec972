"""Manifests that hold signatures: the layers of cosign v2, and the referrers of cosign v3.

Whoever may push to a repository writes them: nothing in them is trusted, and all is bounded.
Source: OCI image-spec 1.1, "Image Manifest"; distribution-spec 1.1, "Listing Referrers".
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from resources.registry.tag_or_digest import is_digest
from resources.signatures.strict import Rejected

MOST = 32
"""Signatures of each form that are looked at."""
MOST_PAYLOAD = 64 * 1024
"""Bytes of the payload of a signature in the form of cosign v2."""
MOST_BUNDLE = 256 * 1024
"""Bytes of a bundle; those of signatures have 10 KB, those of an SBOM can have megabytes."""

_SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
_BUNDLE = "application/vnd.dev.sigstore.bundle"
_PREFIX = "dev.sigstore.cosign/"
_SIGNATURE = "dev.cosignproject.cosign/signature"


class Blob(NamedTuple):
    """A blob, and the annotations of its descriptor."""

    digest: str
    size: int
    annotations: dict[str, str]

    @property
    def signature(self) -> str:
        """The signature, in the form of cosign v2."""
        return self.annotations.get(_SIGNATURE, "")

    def annotation(self, name: str) -> str:
        """An annotation of cosign v2: certificate or bundle."""
        return self.annotations.get(f"{_PREFIX}{name}", "")


class _Descriptor(msgspec.Struct, frozen=True, rename="camel"):
    media_type: str = ""
    digest: str = ""
    size: int = -1
    annotations: dict[str, str] | None = None


class _Manifest(msgspec.Struct, frozen=True, rename="camel"):
    layers: tuple[_Descriptor, ...] | None = None
    manifests: tuple[_Descriptor, ...] | None = None
    subject: _Descriptor | None = None


def signature_tag(digest: str) -> str:
    """The tag under which cosign v2 stores the signatures of a digest."""
    return f"{referrers_tag(digest)}.sig"


def referrers_tag(digest: str) -> str:
    """The tag of the index of referrers, where a registry has no API for them."""
    return digest.replace(":", "-")


def legacy_layers(document: bytes) -> list[Blob]:
    """The layers that hold signatures of cosign v2; raises Rejected."""
    layers = _decoded(document).layers or ()
    return [_blob(layer) for layer in layers if layer.media_type == _SIMPLE_SIGNING]


def referrers(document: bytes) -> list[str]:
    """The digests of the manifests in an index of referrers, whatever it says of them.

    cosign has written wrong artifact types into it, so only the manifests themselves are asked.
    Raises Rejected.
    """
    entries = _decoded(document).manifests or ()
    return list(dict.fromkeys(entry.digest for entry in entries if is_digest(entry.digest)))


def bundles(document: bytes, digest: str) -> list[Blob]:
    """The bundles in a manifest that refers to this digest; raises Rejected."""
    manifest = _decoded(document)
    layers = manifest.layers or ()
    found = [_blob(layer) for layer in layers if layer.media_type.startswith(_BUNDLE)]
    if found and (manifest.subject is None or manifest.subject.digest != digest):
        raise Rejected("its manifest refers to another artifact")
    return found


def _blob(layer: _Descriptor) -> Blob:
    return Blob(layer.digest, layer.size, layer.annotations or {})


def _decoded(document: bytes) -> _Manifest:
    try:
        return msgspec.json.decode(document, type=_Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Rejected("its manifest cannot be read") from None
