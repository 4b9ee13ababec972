"""Pulls an artifact, in the child process; nothing is used before its digest is verified."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, NamedTuple

from actors.registry.archive import ArchiveError, only_file
from actors.registry.failure import ExchangeError, persistently, problem_of
from actors.registry.session import Session
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

    from resources.registry.manifest import Descriptor, Manifest
    from resources.registry.request import Pull, PullRequest


class _File(NamedTuple):
    sha256: str
    size: int


def answer(fetch: PullRequest) -> Pulled:
    """The metadata of the artifact, whose file is at the path of the request; or a problem."""
    request = fetch.pull
    try:
        session = Session(request.endpoint, request.idle_seconds)
        try:
            return _pulled(session, request, fetch.path)
        finally:
            session.close()
    except ExchangeError as error:
        return Pulled(problem=problem_of(request.endpoint, error))
    except (InvalidManifest, ArchiveError) as error:
        return Pulled(problem=Problem(f"{request.endpoint}: {error}", transient=False, final=True))
    except OSError as error:  # of the disk: Session translates those of the network
        full = ExchangeError(f"the file cannot be written: {error.strerror}", transient=True)
        return Pulled(problem=problem_of(request.endpoint, full))


def _pulled(session: Session, request: Pull, path: str) -> Pulled:
    manifest = _manifest(session, request)
    config, layer = blobs_of(manifest, request.kind, request.max_bytes)
    metadata = config_of(
        persistently(lambda: b"".join(verified(session.blob(config.digest), config)))
    )
    file = _stored(session, layer, path, request.max_bytes)
    return Pulled(
        path=path,
        sha256=file.sha256,
        size=file.size,
        pulled_bytes=session.received,
        name=metadata.name,
        version=metadata.version,
        requirements=metadata.requirements,
        dependencies=metadata.dependencies,
    )


def _manifest(session: Session, request: Pull) -> Manifest:
    """The manifest for the requested platform, through an index if there is one."""
    root = root_of(_document(session, request.digest))
    if not isinstance(root, Index):
        return root
    entry = for_platform(root, Platform(request.os, request.architecture))
    manifest = root_of(_document(session, entry.digest))
    if isinstance(manifest, Index):
        raise InvalidManifest("the index leads to another index")
    return manifest


def _document(session: Session, digest: str) -> bytes:
    if not is_digest(digest):
        raise ExchangeError("an artifact is pulled by its sha256 digest only")
    document = persistently(lambda: session.manifest(digest))
    _compare(hashlib.sha256(document).hexdigest(), digest, "manifest")
    return document


def _stored(session: Session, layer: Descriptor, path: str, most_bytes: int) -> _File:
    """Write the file of the layer; it is synced to the disk when this returns."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        stored = persistently(lambda: _unpacked(session, layer, file, most_bytes))
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
