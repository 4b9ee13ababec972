"""The Store as one actor sees it, with the results of its own writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from actors.watch.store import Snapshot
    from resources.kubernetes.reference import ObjectRef


class SnapshotSource(Protocol):
    """The part of a Store that a View reads."""

    @property
    def restores(self) -> int:
        """How often etcd was found to be restored to an older state."""
        ...

    def get(self, ref: ObjectRef) -> Snapshot | None:
        """Return the newest snapshot, None if there is none."""
        ...

    def seen(self, ref: ObjectRef) -> int:
        """The revision up to which every change of this object has been seen."""
        ...

    def compacted(self, snapshot: Snapshot) -> Snapshot:
        """The same snapshot in the form in which it takes the least memory."""
        ...


class View:
    """Read-your-own-writes for an actor that makes one request about an object at a time.

    The response of a write may arrive before or after its watch event. A response hides the
    snapshot of the Store until the Store has seen its revision. A deletion hides that uid until a
    later response shows it again: the deletion was assumed from a conflict, and was wrong. All is
    forgotten when etcd was restored: a revision of before may never be seen, and a uid be back.
    Losing a View is safe, since the Store catches up by itself.
    """

    __slots__ = ("_deleted", "_restores", "_store", "_written")

    def __init__(self, store: SnapshotSource) -> None:
        self._store = store
        self._written: dict[ObjectRef, Snapshot] = {}
        self._deleted: dict[ObjectRef, str] = {}
        self._restores = store.restores

    def get(self, ref: ObjectRef) -> Snapshot | None:
        """Return the newest known snapshot of an object, None if it is known to be absent."""
        if self._restores != self._store.restores:
            self._restores = self._store.restores
            self._written.clear()
            self._deleted.clear()
        snapshot = self._newest(ref)
        return None if snapshot is None or self._is_deleted(snapshot) else snapshot

    def kept(self, ref: ObjectRef) -> ObjectRef:
        """The same reference, as the snapshot has it: to keep this one takes no more memory."""
        snapshot = self.get(ref)
        return ref if snapshot is None else snapshot.ref

    def wrote(self, snapshot: Snapshot) -> None:
        """Take in the response of a write, or of a read by name."""
        if self._store.seen(snapshot.ref) < snapshot.revision:
            self._written[snapshot.ref] = self._store.compacted(snapshot)
        else:
            self._written.pop(snapshot.ref, None)
        if self._is_deleted(snapshot):
            del self._deleted[snapshot.ref]

    def deleted(self, ref: ObjectRef, uid: str) -> None:
        """Take in that the object with this uid no longer exists."""
        self._deleted[ref] = uid

    def _is_deleted(self, snapshot: Snapshot) -> bool:
        return snapshot.ref in self._deleted and self._deleted[snapshot.ref] == snapshot.meta.uid

    def _newest(self, ref: ObjectRef) -> Snapshot | None:
        written = self._written.get(ref)
        if written is not None:
            if self._store.seen(ref) < written.revision:
                return written
            del self._written[ref]
            if not self._written:
                self._written = {}  # a dict keeps the room for what it held
        return self._store.get(ref)
