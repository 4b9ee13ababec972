"""Finds the signatures of an artifact in its repository, in both forms, within bounds."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from actors.registry.failure import Absent, ExchangeError, RegistryDown, TooLarge, persistently
from actors.registry.pull import verified
from resources.registry.manifest import Descriptor
from resources.registry.tag_or_digest import is_digest
from resources.signatures.legacy import LegacySignature
from resources.signatures.manifest import (
    MOST,
    MOST_BUNDLE,
    MOST_PAYLOAD,
    Blob,
    bundles,
    legacy_layers,
    referrers,
    referrers_tag,
    signature_tag,
)
from resources.signatures.strict import Rejected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actors.registry.session import Session

Found = LegacySignature | bytes | Rejected | ExchangeError
"""A signature of cosign v2, a bundle, or why what was found is neither or could not be had."""


def signatures(session: Session, digest: str) -> Iterator[Found]:
    """Yield what signs a digest, or claims to; raises ExchangeError.

    Bundles come first. A registry that has an API for referrers may have the tag as well. An index
    that cannot be had hides no other signature: its error is raised at the end.
    """
    names: dict[str, None] = {}
    failure: ExchangeError | None = None
    for index in (_of_api, _of_tag):
        try:
            names |= dict.fromkeys(index(session, digest))
        except Rejected as error:
            yield error
        except ExchangeError as error:
            if isinstance(error, RegistryDown):
                raise
            failure = failure or error
    yield from _within(list(names), "referrers", lambda name: _bundles(session, name, digest))
    yield from _legacy(session, digest)
    if failure is not None:
        raise failure


def _legacy(session: Session, digest: str) -> Iterator[Found]:
    document = _document(session.manifest, signature_tag(digest))
    if document is None:
        return
    try:
        layers = legacy_layers(document)
    except Rejected as error:
        yield error
        return
    yield from _within(layers, "signatures", lambda layer: _legacy_of(session, layer))


def _legacy_of(session: Session, layer: Blob) -> Iterator[Found]:
    payload = _content(session, layer, MOST_PAYLOAD)
    certificate, bundle = layer.annotation("certificate"), layer.annotation("bundle")
    yield LegacySignature(payload, layer.signature, certificate, bundle)


def _bundles(session: Session, name: str, digest: str) -> Iterator[Found]:
    document = _document(session.manifest, name)
    if document is None:
        raise Rejected("its manifest is not there")
    if f"sha256:{hashlib.sha256(document).hexdigest()}" != name:
        raise Rejected("its manifest has another digest")
    found = bundles(document, digest)
    for blob in found[:1]:
        yield _content(session, blob, MOST_BUNDLE)
    if len(found) > 1:
        yield Rejected(f"its manifest has {len(found)} bundles, and the first is looked at")


def _within(items: list[Any], what: str, read: Callable[[Any], Iterator[Found]]) -> Iterator[Found]:
    """Yield what is read of each item, of the first so many."""
    for item in items[:MOST]:
        try:
            yield from read(item)
        except (Rejected, ExchangeError) as error:
            if isinstance(error, RegistryDown):
                raise
            yield error
    if len(items) > MOST:
        yield Rejected(f"there are {len(items)} {what}, and {MOST} are looked at")


def _of_api(session: Session, digest: str) -> list[str]:
    """What the API for referrers names; a registry without it refuses in many ways."""
    try:
        return _named(_document(session.referrers, digest))
    except ExchangeError as error:
        if error.transient or isinstance(error, TooLarge):
            raise
        return []


def _of_tag(session: Session, digest: str) -> list[str]:
    """What the index under the tag for referrers names."""
    return _named(_document(session.manifest, referrers_tag(digest)))


def _named(index: bytes | None) -> list[str]:
    return referrers(index) if index is not None else []


def _document(read: Callable[[str], bytes], name: str) -> bytes | None:
    try:
        return persistently(lambda: read(name))
    except Absent:
        return None


def _content(session: Session, blob: Blob, most: int) -> bytes:
    """The whole of a blob; raises Rejected if it is not what its descriptor says."""
    if not is_digest(blob.digest) or not 0 <= blob.size <= most:
        raise Rejected(f"it has {blob.size} bytes, allowed are {most}")
    wanted = Descriptor(digest=blob.digest, size=blob.size)
    try:
        return persistently(lambda: b"".join(verified(session.blob(blob.digest), wanted)))
    except Absent:
        raise Rejected("its content is not there") from None
