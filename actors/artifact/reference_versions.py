"""Whether the Secrets and ConfigMaps that one artifact names exist, and in which version."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from actors.watch.store import revision_of
from resources.artifact.references import (
    Missing,
    Present,
    ReferencedObject,
    ReferenceState,
    Role,
    Unknown,
    Unresolved,
    can_exist,
    digest_of,
    is_protected,
    missing_text,
    referenced_objects,
    trusted_objects,
)
from resources.artifact.resolution import published_state

if TYPE_CHECKING:
    from collections.abc import Collection

    from actors.artifact.reference_reader import ReadObject, ReferenceReader
    from actors.runtime.clock import Clock
    from actors.watch.store import Snapshot
    from resources.artifact.fields import Resolved
    from resources.artifact.sources import OciSource, Sources
    from resources.kubernetes.reference import ObjectRef

# Seconds for which an object is not read while the operator's finalizer on it, or the watch event
# that shows it, is expected. The finalizer changes the resourceVersion: an object that is read
# before would have a new version for every node right after.
_PATIENCE = 5.0


class Metadata(Protocol):
    """The metadata of referenced objects, as the watches of their kinds have shown it."""

    @property
    def restores(self) -> int:
        """How often etcd was found to be restored to an older state."""
        ...

    def get(self, ref: ObjectRef) -> Snapshot | None:
        """Return the newest snapshot, or None if there is none."""
        ...

    def seen(self, ref: ObjectRef) -> int:
        """Return the revision up to which every change of this object has been seen."""
        ...

    def is_absent(self, ref: ObjectRef) -> bool:
        """Return whether the object is known not to exist."""
        ...


class _Reading(NamedTuple):
    """The state that was found in one resourceVersion of an object, and a hash of its content.

    The hash is empty if there is no content or if it is not known.
    """

    version: str
    digest: str
    state: ReferenceState


_Key = tuple[ReferencedObject, str]


class ReferenceVersions:
    """Reads a referenced object when it is new or has changed, and keeps only a hash of it.

    An object whose content is the same keeps its version, whatever happens to its metadata. All is
    forgotten when etcd was restored: the content of a version may be another one then.
    """

    def __init__(self, reader: ReferenceReader, metadata: Metadata, clock: Clock) -> None:
        self._reader = reader
        self._metadata = metadata
        self._clock = clock
        self._readings: dict[_Key, _Reading] = {}
        self._waiting_since: dict[ObjectRef, float] = {}
        self._restores = metadata.restores

    async def states(
        self, namespace: str, sources: Sources, published: Resolved
    ) -> dict[Role, ReferenceState]:
        """The state of every object from which content or credentials come; raises ApiError."""
        targets = referenced_objects(namespace, sources)
        self.keep((*targets, *trusted_objects(namespace, sources)))
        return {
            target.role: await self.state_of(
                target, sources.oci, published_state(published, target.role, sources)
            )
            for target in targets
        }

    async def trusted(self, namespace: str, sources: Sources) -> list[ReferenceState]:
        """The state of every object from which keys or the trusted root come; raises ApiError.

        Call `states` before.
        """
        targets = trusted_objects(namespace, sources)
        return [await self.state_of(target, None, None) for target in targets]

    async def state_of(
        self, target: ReferencedObject, oci: OciSource | None, published: Present | None
    ) -> ReferenceState:
        """The state of one object; raises ApiError.

        `published` is the state that nodes go by already: that version is not read again, and
        content of that digest is the same, in whatever version it is now.
        """
        if not can_exist(target.ref):
            return Missing(missing_text(target))
        if self._restores != self._metadata.restores:
            self._restores = self._metadata.restores
            self._readings.clear()
            self._waiting_since.clear()
        # Whether a Secret has what is needed of it depends on the mirrors, too.
        key = (target, f"{oci or ''} {self._reader.registries.digest}")
        live = self._metadata.get(target.ref)
        if live is None:
            return await self._state_of_unseen(key, oci)
        reading = self._readings.get(key)
        if reading is not None and self._is_current(reading, live):
            return reading.state
        if reading is None and published is not None:
            reading = _Reading(published.version, published.digest, published)
            if published.version == live.meta.resource_version:
                self._readings[key] = reading
                return published
        if self._is_to_be_protected(live):
            return reading.state if reading is not None else Unknown()
        return await self._read(key, live.revision, oci, reading)

    def next_read(self) -> float | None:
        """Seconds until an object is read that still lacks the finalizer; None if none is."""
        if not self._waiting_since:
            return None
        due = min(self._waiting_since.values()) + _PATIENCE
        return max(0.0, due - self._clock.monotonic())

    def keep(self, targets: Collection[ReferencedObject]) -> None:
        """Forget every object but these."""
        refs = {target.ref for target in targets}
        self._readings = {
            key: reading for key, reading in self._readings.items() if key[0] in targets
        }
        self._waiting_since = {
            ref: since for ref, since in self._waiting_since.items() if ref in refs
        }

    async def _state_of_unseen(self, key: _Key, oci: OciSource | None) -> ReferenceState:
        """The state of an object that no watch has shown, and that its ReferenceActor looks for.

        That most likely ends with a watch that shows the object, or with the object known to be
        absent; but not if the object is being deleted, or cannot be given a finalizer.
        """
        target, reading = key[0], self._readings.get(key)
        if self._metadata.is_absent(target.ref):
            self._waiting_since.pop(target.ref, None)
            return Missing(missing_text(target))
        if reading is not None:
            return reading.state
        if not self._metadata.seen(target.ref) or self._is_early(target.ref):
            return Unknown()
        return await self._read(key, 0, oci, None)

    def _is_current(self, reading: _Reading, live: Snapshot) -> bool:
        """Whether the watch shows nothing newer; what was read may be ahead of it."""
        ahead = revision_of(reading.version) > self._metadata.seen(live.ref)
        return ahead or reading.version == live.meta.resource_version

    def _is_to_be_protected(self, live: Snapshot) -> bool:
        """Whether the operator's finalizer is expected; for a while only, as it may be refused."""
        if is_protected(live.ref.kind, live.meta) or live.meta.deletion_timestamp is not None:
            self._waiting_since.pop(live.ref, None)
            return False
        return self._is_early(live.ref)

    def _is_early(self, ref: ObjectRef) -> bool:
        """Whether the object is still waited for; the waiting begins with the first call."""
        now = self._clock.monotonic()
        if now - self._waiting_since.setdefault(ref, now) < _PATIENCE:
            return True
        del self._waiting_since[ref]
        return False

    async def _read(
        self, key: _Key, revision: int, oci: OciSource | None, before: _Reading | None
    ) -> ReferenceState:
        """Read an object that the watch has shown at this revision, 0 if it never has."""
        target = key[0]
        read = await self._read_since(target, revision)
        if read is None and not revision:
            self._readings[key] = _Reading("", "", Missing(missing_text(target)))
            return self._readings[key].state
        if read is None:  # deleted since: the watch is about to show that
            return before.state if before is not None else Unknown()
        try:
            content = self._reader.content(target, read.document, oci)
        except Unresolved as error:
            self._readings[key] = _Reading(read.version, "", Missing(str(error)))
        else:
            digest = digest_of(target, content, read.document["metadata"]["uid"])
            is_same = before is not None and before.digest == digest
            state = (
                before.state if is_same and before is not None else Present(read.version, digest)
            )
            self._readings[key] = _Reading(read.version, digest, state)
        return self._readings[key].state

    async def _read_since(self, target: ReferencedObject, revision: int) -> ReadObject | None:
        """The object at this revision or a later one; None if it is gone."""
        for _ in range(2):  # the first answer may be that of a request made before the change
            read = await self._reader.read(target.ref)
            if read is None or read.revision >= revision:
                return read
        return None
