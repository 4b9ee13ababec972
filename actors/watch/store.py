"""What the API server has told: the newest snapshot of every watched object."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct
from msgspec.json import Decoder

from resources.kubernetes.meta import ObjectMeta
from resources.kubernetes.reference import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Snapshot(NamedTuple):
    """One object at one resourceVersion: its metadata decoded, all of it as the JSON that came."""

    ref: ObjectRef
    meta: ObjectMeta
    raw: bytes

    @property
    def revision(self) -> int:
        """The resourceVersion as a number; within one kind it orders (Kubernetes 1.35 docs)."""
        return revision_of(self.meta.resource_version)


class Change(NamedTuple):
    """What one event did to the Store; `before` or `after` is None where there was or is none."""

    ref: ObjectRef
    before: Snapshot | None
    after: Snapshot | None


class _Head(Struct):
    metadata: ObjectMeta


_decoder = Decoder(_Head)


def snapshot_of(kind: str, raw: bytes) -> Snapshot:
    """Decode the metadata of an object of this kind and keep the rest as it is."""
    meta = _decoder.decode(raw).metadata
    return Snapshot(ObjectRef(kind, meta.namespace or "", meta.name or ""), meta, raw)


def revision_of(resource_version: str | None) -> int:
    """The resourceVersion as a number; 0, older than all, if it is none."""
    return int(resource_version) if resource_version and resource_version.isdecimal() else 0


class Store:
    """Snapshots by kind and reference, and how far each kind has been seen.

    Guarantee: after `revision(kind)` is R, the Store shows every change of that kind up to R.
    Written by the watchers only, and by one watcher a kind: its list replaces all of the kind.
    """

    def __init__(self) -> None:
        self._objects: dict[str, dict[ObjectRef, Snapshot]] = {}
        self._revisions: dict[str, int] = {}

    def get(self, ref: ObjectRef) -> Snapshot | None:
        """Return the newest snapshot, or None if the object is not there or not watched."""
        return self._objects.get(ref.kind, {}).get(ref)

    def of_kind(self, kind: str) -> Iterator[Snapshot]:
        """Iterate over the objects of a kind as they are now, whatever changes meanwhile."""
        return iter(list(self._objects.get(kind, {}).values()))

    def revision(self, kind: str) -> int:
        """How far this kind has been seen; 0 before its first list."""
        return self._revisions.get(kind, 0)

    def seen(self, ref: ObjectRef) -> int:
        """Up to which revision every change of this object has been seen."""
        return self.revision(ref.kind)

    def keeps(self, snapshot: Snapshot) -> bool:  # noqa: ARG002 - for those that are choosy
        """Whether an object is worth keeping; one that is not counts as if it were not there."""
        return True

    def replace(self, kind: str, snapshots: Iterable[Snapshot], revision: int) -> list[Change]:
        """Swap in a whole list; return what differs from before, vanished objects included.

        The revision may be lower than before: after etcd was restored, the past is the truth.
        """
        old = self._objects.get(kind, {})
        new = {snapshot.ref: snapshot for snapshot in snapshots if self.keeps(snapshot)}
        self._objects[kind] = new
        self._revisions[kind] = revision
        vanished = [Change(ref, was, None) for ref, was in old.items() if ref not in new]
        changed = [
            Change(ref, was, now)
            for ref, now in new.items()
            if (was := old.get(ref)) is None
            or was.meta.resource_version != now.meta.resource_version
        ]
        return vanished + changed

    def put(self, snapshot: Snapshot) -> Change:
        """Take an object that was added or modified."""
        if not self.keeps(snapshot):
            return self.remove(snapshot.ref, snapshot.revision)
        objects = self._objects.setdefault(snapshot.ref.kind, {})
        before = objects.get(snapshot.ref)
        objects[snapshot.ref] = snapshot
        self.advance(snapshot.ref.kind, snapshot.revision)
        return Change(snapshot.ref, before, snapshot)

    def remove(self, ref: ObjectRef, revision: int) -> Change:
        """Drop an object that was deleted, or that no longer matches the watch."""
        before = self._objects.setdefault(ref.kind, {}).pop(ref, None)
        self.advance(ref.kind, revision)
        return Change(ref, before, None)

    def advance(self, kind: str, revision: int) -> None:
        """Note that all changes of this kind up to this revision have been seen."""
        self._revisions[kind] = max(revision, self._revisions.get(kind, 0))


class BareStore(Store):
    """Tells of each object whole, and keeps of it what tells incarnations and nodes apart.

    The `before` of a change is bare, its `after` as it came.
    """

    def replace(self, kind: str, snapshots: Iterable[Snapshot], revision: int) -> list[Change]:
        """Swap in a whole list, as `Store.replace`."""
        whole = {snapshot.ref: snapshot for snapshot in snapshots}
        changes = super().replace(kind, map(_bare, whole.values()), revision)
        return [
            change if change.after is None else change._replace(after=whole[change.ref])
            for change in changes
        ]

    def put(self, snapshot: Snapshot) -> Change:
        """Take an object that was added or modified, as `Store.put`."""
        return super().put(_bare(snapshot))._replace(after=snapshot)


def _bare(snapshot: Snapshot) -> Snapshot:
    meta = ObjectMeta(resource_version=snapshot.meta.resource_version)
    return Snapshot(snapshot.ref, meta, b"")
