"""Has pull-through caches fetch an artifact, in the child process.

A cache that is asked by many at once for what it lacks fetches it for each of them. So one client
asks first, and discards what it gets; nothing is trusted, since whoever pulls verifies digests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.registry.failure import ExchangeError, persistently, problem_of
from actors.registry.pull import verified_manifest
from actors.registry.session import Session
from resources.registry.limits import MAX_LAYER_BYTES
from resources.registry.manifest import Index, InvalidManifest, Manifest, root_of
from resources.registry.request import Filled, Hold, Problem
from resources.registry.tag_or_digest import is_digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resources.registry.manifest import Descriptor
    from resources.registry.request import Fill

# Manifests of an index, one for a platform, and blobs of a manifest.
_MOST_MANIFESTS = 16
_MOST_BLOBS = 8


def answer(request: Fill) -> Filled:
    """How many bytes came, of all platforms; the problem of the last cache that has one."""
    received, problem = 0, None
    holds: list[Hold] = []
    for endpoint in request.endpoint.caches:
        try:
            session = Session(endpoint, request.idle_seconds)
            try:
                _fill(session, request.digest)
            finally:
                received += session.received
                session.close()
        except ExchangeError as error:
            problem = problem_of(endpoint, error)
            if error.retry_after:
                holds.append(Hold(endpoint.url, error.retry_after))
        except InvalidManifest as error:
            problem = Problem(f"{endpoint}: {error}", transient=False)
    return Filled(received, problem, tuple(holds))


def _fill(session: Session, digest: str) -> None:
    for manifest in _manifests(session, digest):
        for blob in (manifest.config, *manifest.layers)[:_MOST_BLOBS]:
            if is_digest(blob.digest) and 0 <= blob.size <= MAX_LAYER_BYTES:
                _draw(session, blob)


def _manifests(session: Session, digest: str) -> Iterator[Manifest]:
    root = _root(session, digest)
    if isinstance(root, Manifest):
        yield root
        return
    for entry in root.manifests[:_MOST_MANIFESTS]:
        manifest = _root(session, entry.digest)
        if isinstance(manifest, Manifest):
            yield manifest


def _root(session: Session, digest: str) -> Manifest | Index:
    if not is_digest(digest):
        raise InvalidManifest("an index names a manifest without a sha256 digest")
    return root_of(verified_manifest(session, digest))


def _draw(session: Session, blob: Descriptor) -> None:
    """Read a blob to its end, if it is not there yet."""

    def draw() -> None:
        size = 0
        for chunk in session.missing_blob(blob.digest):
            size += len(chunk)
            if size > blob.size:
                raise ExchangeError(f"blob {blob.digest} is larger than the {blob.size} declared")

    persistently(draw)
