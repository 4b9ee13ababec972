"""Pulls an artifact, in the child process; nothing is used before its digest is verified.

So each document and blob may come from another of the artifact's places.
"""

from __future__ import annotations

import hashlib
import os
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from actors.registry.archive import ArchiveError, only_file
from actors.registry.failure import ExchangeError, persistently, problem_of
from actors.registry.places import Places
from resources.registry.manifest import (
    Index,
    InvalidManifest,
    Platform,
    blobs_of,
    config_of,
    for_platform,
    root_of,
)
from resources.registry.request import Problem, Pulled
from resources.registry.tag_or_digest import is_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

    from actors.registry.session import Session
    from resources.registry.manifest import Descriptor, Manifest
    from resources.registry.request import Pull, PullRequest


class _File(NamedTuple):
    sha256: str
    size: int


def answer(fetch: PullRequest) -> Pulled:
    """The metadata of the artifact, whose file the descriptor then has; or a problem."""
    request = fetch.pull
    try:
        places = Places(request.endpoint, request.idle_seconds)
        try:
            return replace(_pulled(places, request, fetch.descriptor), holds=places.holds)
        except ExchangeError as error:
            return Pulled(problem=problem_of(request.endpoint, error), holds=places.holds)
        finally:
            places.close()
    except (InvalidManifest, ArchiveError) as error:
        return Pulled(problem=Problem(f"{request.endpoint}: {error}", transient=False, final=True))
    except OSError as error:  # of the disk: Session translates those of the network
        full = ExchangeError(f"the file cannot be written: {error.strerror}", transient=True)
        return Pulled(problem=problem_of(request.endpoint, full))


def _pulled(places: Places, request: Pull, descriptor: int) -> Pulled:
    manifest = _manifest(places, request)
    config, layer = blobs_of(manifest, request.kind, request.max_bytes)
    metadata = config_of(places.first(partial(_blob, config)))
    file = _stored(places, layer, descriptor, request.max_bytes)
    return Pulled(
        sha256=file.sha256,
        size=file.size,
        pulled_bytes=places.received,
        name=metadata.name,
        version=metadata.version,
        requirements=metadata.requirements,
        dependencies=metadata.dependencies,
    )


def _blob(blob: Descriptor, session: Session) -> bytes:
    return persistently(lambda: b"".join(verified(session.blob(blob.digest), blob)))


def _manifest(places: Places, request: Pull) -> Manifest:
    """The manifest for the requested platform, through an index if there is one."""
    root = root_of(_document(places, request.digest))
    if not isinstance(root, Index):
        return root
    entry = for_platform(root, Platform(request.os, request.architecture))
    manifest = root_of(_document(places, entry.digest))
    if isinstance(manifest, Index):
        raise InvalidManifest("the index leads to another index")
    return manifest


def _document(places: Places, digest: str) -> bytes:
    if not is_digest(digest):
        raise ExchangeError("an artifact is pulled by its sha256 digest only")

    return places.first(lambda session: verified_manifest(session, digest))


def verified_manifest(session: Session, digest: str) -> bytes:
    """The manifest or index of this digest; raises ExchangeError if it has another."""
    document = persistently(lambda: session.manifest(digest))
    _compare(hashlib.sha256(document).hexdigest(), digest, "manifest")
    return document


def _stored(places: Places, layer: Descriptor, descriptor: int, most_bytes: int) -> _File:
    """Write the file of the layer; it is synced to the disk when this returns."""
    with os.fdopen(descriptor, "wb") as file:
        stored = places.first(
            lambda session: persistently(lambda: _unpacked(session, layer, file, most_bytes))
        )
        file.flush()
        os.fsync(file.fileno())
    return stored


def _unpacked(session: Session, layer: Descriptor, file: BinaryIO, most_bytes: int) -> _File:
    """Write the file of the layer from its start, while the layer is received."""
    file.seek(0)
    file.truncate()
    packed = verified(session.blob(layer.digest), layer)
    digest = hashlib.sha256()
    try:
        for piece in only_file(packed, most_bytes):
            digest.update(piece)
            file.write(piece)
    except ArchiveError:
        _finish(packed)  # raises if the digest is wrong, which explains more than a bad archive
        raise
    _finish(packed)
    return _File(digest.hexdigest(), file.tell())


def verified(chunks: Iterable[bytes], blob: Descriptor) -> Iterator[bytes]:
    """Yield the chunks; raises ExchangeError at the end unless together they are the blob."""
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        size += len(chunk)
        if size > blob.size:
            raise ExchangeError(f"blob {blob.digest} is larger than the {blob.size} bytes declared")
        digest.update(chunk)
        yield chunk
    if size < blob.size:
        raise ExchangeError(f"blob {blob.digest} has {size} bytes, {blob.size} are declared")
    _compare(digest.hexdigest(), blob.digest, "blob")


def _finish(chunks: Iterator[bytes]) -> None:
    """Read the remaining chunks, so that the check at their end is made."""
    for _ in chunks:
        pass


def _compare(actual: str, digest: str, what: str) -> None:
    if f"sha256:{actual}" != digest:
        raise ExchangeError(f"the {what} sent for {digest} has another digest: sha256:{actual}")
