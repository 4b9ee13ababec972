"""The Store as one actor sees it: with its own writes laid over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from actors.watch.store import Snapshot
    from resources.kubernetes.reference import ObjectRef


class SnapshotSource(Protocol):
    """What a View lies over: a Store, or several of them as one."""

    def get(self, ref: ObjectRef) -> Snapshot | None:
        """Return the newest snapshot, or None if there is none."""
        ...

    def seen(self, ref: ObjectRef) -> int:
        """Up to which revision every change of this object has been seen."""
        ...


class View:
    """Read-your-own-writes for one actor, who makes one request about an object at a time.

    The response of a write arrives before its watch event about as often as not. A response is
    laid over the Store until the Store has seen its revision; a deletion, until the Store no
    longer shows that incarnation, or a later response does: a conflict that looked like a
    deletion was none. Losing a View is safe: the Store catches up by itself.
    """

    def __init__(self, store: SnapshotSource) -> None:
        self._store = store
        self._written: dict[ObjectRef, Snapshot] = {}
        self._deleted: dict[ObjectRef, str] = {}

    def get(self, ref: ObjectRef) -> Snapshot | None:
        """Return the newest that is known of an object, None if it is known to be absent."""
        snapshot = self._newest(ref)
        return None if snapshot is None or self._is_deleted(snapshot) else snapshot

    def wrote(self, snapshot: Snapshot) -> None:
        """Lay the response of a write, or of a read by name, over the Store."""
        self._written[snapshot.ref] = snapshot
        if self._is_deleted(snapshot):
            del self._deleted[snapshot.ref]

    def deleted(self, ref: ObjectRef, uid: str) -> None:
        """Note that this incarnation is known to be gone."""
        self._deleted[ref] = uid

    def _is_deleted(self, snapshot: Snapshot) -> bool:
        return snapshot.ref in self._deleted and self._deleted[snapshot.ref] == snapshot.meta.uid

    def _newest(self, ref: ObjectRef) -> Snapshot | None:
        written = self._written.get(ref)
        if written is not None:
            if self._store.seen(ref) < written.revision:
                return written
            del self._written[ref]
        return self._store.get(ref)
