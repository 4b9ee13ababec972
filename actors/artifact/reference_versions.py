"""What one artifact knows of the Secrets and ConfigMaps that it names."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING, NamedTuple, Protocol

from actors.watch.store import revision_of
from resources.artifact.references import can_exist, is_protected
from resources.artifact.resolution import Looked, ReferencedObject, Unresolved, content_of, missing

if TYPE_CHECKING:
    from collections.abc import Collection

    from actors.artifact.reference_reader import Referent, Referents
    from actors.runtime.clock import Clock
    from actors.watch.store import Snapshot
    from resources.artifact.sources import OciSource
    from resources.kubernetes.reference import ObjectRef

# Seconds for which an object that is to be protected is not read: our own finalizer would change
# its resourceVersion, and be a change to every node.
_PATIENCE = 5.0
# Passwords can be guessed: their hashes are good for nobody else.
_SALT = secrets.token_bytes(32)


class Metadata(Protocol):
    """What the watches of referenced objects have brought."""

    def get(self, ref: ObjectRef) -> Snapshot | None:
        """Return the newest snapshot, or None if there is none."""
        ...

    def seen(self, ref: ObjectRef) -> int:
        """Up to which revision every change of this object has been seen."""
        ...

    def is_absent(self, ref: ObjectRef) -> bool:
        """Whether the object is known not to be there."""
        ...


class _Known(NamedTuple):
    """An object as it was looked at: which resourceVersion, a hash of what matters of it."""

    version: str
    digest: bytes
    looked: Looked


_Key = tuple[ReferencedObject, str]


class Lookout:
    """Reads an object when it is new or has changed, and keeps a hash of it: no content.

    An object whose content is the same keeps its version, whatever happens to its metadata.
    """

    def __init__(self, referents: Referents, metadata: Metadata, clock: Clock) -> None:
        self._referents = referents
        self._metadata = metadata
        self._clock = clock
        self._known: dict[_Key, _Known] = {}
        self._bare_since: dict[ObjectRef, float] = {}
        self.reads = 0
        """How many objects were asked for."""

    async def look(self, target: ReferencedObject, oci: OciSource | None, published: str) -> Looked:
        """What there is to say of a target; raises ApiError.

        `published` is the version that nodes go by already: it needs no second look.
        """
        if not can_exist(target.ref):
            return Looked(missing=missing(target))
        key = (target, str(oci or ""))
        live = self._metadata.get(target.ref)
        if live is None:
            return await self._look_unseen(key, oci)
        version, known = live.meta.resource_version or "", self._known.get(key)
        if known is None and version == published:
            self._known[key] = known = _Known(version, b"", Looked(version))
        if known is not None and self._is_current(known, live):
            return known.looked
        if self._is_to_be_protected(live):
            return known.looked if known is not None else Looked()
        return await self._read(key, live.revision, oci)

    def next_look(self) -> float | None:
        """Seconds until an object is read although it is not protected; None if there is none."""
        if not self._bare_since:
            return None
        due = min(self._bare_since.values()) + _PATIENCE
        return max(0.0, due - self._clock.monotonic())

    def keep(self, targets: Collection[ReferencedObject]) -> None:
        """Forget all others."""
        refs = {target.ref for target in targets}
        self._known = {key: known for key, known in self._known.items() if key[0] in targets}
        self._bare_since = {ref: at for ref, at in self._bare_since.items() if ref in refs}

    async def _look_unseen(self, key: _Key, oci: OciSource | None) -> Looked:
        """Of an object that no watch has shown: somebody else is looking for it already.

        Most likely that makes a watch show it, or known to be absent; but not if it is being
        deleted, or if nobody can protect it.
        """
        target, known = key[0], self._known.get(key)
        if self._metadata.is_absent(target.ref):
            self._bare_since.pop(target.ref, None)
            return Looked(missing=missing(target))
        if known is not None:
            return known.looked
        if not self._metadata.seen(target.ref) or self._is_early(target.ref):
            return Looked()
        return await self._read(key, 0, oci)

    def _is_current(self, known: _Known, live: Snapshot) -> bool:
        """Whether the watch shows nothing newer; what was read may be ahead of it."""
        ahead = revision_of(known.version) > self._metadata.seen(live.ref)
        return ahead or known.version == live.meta.resource_version

    def _is_to_be_protected(self, live: Snapshot) -> bool:
        """Whether our finalizer is on its way; not for ever, as somebody may keep it off."""
        if is_protected(live.ref.kind, live.meta) or live.meta.deletion_timestamp is not None:
            self._bare_since.pop(live.ref, None)
            return False
        return self._is_early(live.ref)

    def _is_early(self, ref: ObjectRef) -> bool:
        """Whether it is too early to read an object that is not as it will be."""
        now = self._clock.monotonic()
        if now - self._bare_since.setdefault(ref, now) < _PATIENCE:
            return True
        del self._bare_since[ref]
        return False

    async def _read(self, key: _Key, revision: int, oci: OciSource | None) -> Looked:
        """Look at an object that the watch has seen up to this revision, which is 0 if never."""
        target, before = key[0], self._known.get(key)
        found = await self._fresh(target, revision)
        if found is None and not revision:
            self._known[key] = _Known("", b"", Looked(missing=missing(target)))
            return self._known[key].looked
        if found is None:  # of which the watch is about to tell
            return before.looked if before is not None else Looked()
        try:
            content = content_of(target, found.document, oci)
        except Unresolved as error:
            self._known[key] = _Known(found.version, b"", Looked(missing=str(error)))
        else:
            digest = hashlib.blake2b(content, key=_SALT, digest_size=16).digest()
            is_same = before is not None and before.digest == digest
            looked = before.looked if is_same and before is not None else Looked(found.version)
            self._known[key] = _Known(found.version, digest, looked)
        return self._known[key].looked

    async def _fresh(self, target: ReferencedObject, revision: int) -> Referent | None:
        """The object, not older than this revision; None if it is gone."""
        for _ in range(2):  # the first answer may be to a question that was asked before the change
            self.reads += 1
            found = await self._referents.read(target.ref)
            if found is None or found.revision >= revision:
                return found
        return None
