"""The newest snapshot of every watched object."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct
from msgspec.json import Decoder

from actors.watch.compact import Compactor, Packed
from resources.kubernetes.meta import ObjectMeta
from resources.kubernetes.reference import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Snapshot(Struct, frozen=True, gc=False):
    """One object at one resourceVersion: its metadata decoded, and the whole object as JSON."""

    ref: ObjectRef
    meta: ObjectMeta
    document: bytes | Packed

    @property
    def raw(self) -> bytes:
        """The whole object as JSON, as the API server sent it."""
        document = self.document
        return document.unpacked() if isinstance(document, Packed) else document

    @property
    def text(self) -> str:
        """Such as `Falco/namespace/name@4711`."""
        return f"{self.ref}@{self.meta.resource_version}"

    @property
    def revision(self) -> int:
        """The resourceVersion as a number; it orders changes of one kind (Kubernetes 1.35 docs)."""
        return revision_of(self.meta.resource_version)


class Change(NamedTuple):
    """The effect of one event on the Store; `before` or `after` is None if it held no object."""

    ref: ObjectRef
    before: Snapshot | None
    after: Snapshot | None


class Page(NamedTuple):
    """What a Store has taken in of a page of a list.

    `kept` is what `replace` is to be given of it in the end; `changes` are told already.
    """

    kept: list[Snapshot]
    changes: list[Change]


class _Head(Struct):
    metadata: ObjectMeta


_decoder = Decoder(_Head)


def snapshot_of(kind: str, raw: bytes) -> Snapshot:
    """Decode the metadata of an object of this kind; the rest stays raw JSON."""
    meta = _decoder.decode(raw).metadata
    return Snapshot(ObjectRef(kind, meta.namespace or "", meta.name or ""), meta, raw)


def revision_of(resource_version: str | None) -> int:
    """The resourceVersion as a number; 0, older than any, if it is not a number."""
    return int(resource_version) if resource_version and resource_version.isdecimal() else 0


class Store:
    """Keeps whole snapshots by kind and reference, and up to which revision each kind was seen.

    What it keeps is in its small form (`actors.watch.compact`).

    Guarantee: once `revision(kind)` is R, the Store shows every change of that kind up to R. Only
    watchers write to it, one watcher for each kind, whose list replaces all objects of the kind.

    After etcd was restored to an older state, revisions start over: a number that was seen before
    may stand for another change now.
    """

    def __init__(self) -> None:
        self._objects: dict[str, dict[ObjectRef, Snapshot]] = {}
        self._revisions: dict[str, int] = {}
        self._outdated: set[str] = set()
        self.restores = 0
        """How often a kind was found to be restored; revisions compare only while it is equal."""
        self._compactor = Compactor()

    def get(self, ref: ObjectRef) -> Snapshot | None:
        """Return the newest snapshot, None if the object does not exist or is not watched."""
        return self._objects.get(ref.kind, {}).get(ref)

    def of_kind(self, kind: str) -> Iterator[Snapshot]:
        """Iterate over the objects of a kind as of this call; later changes do not show."""
        return iter(list(self._objects.get(kind, {}).values()))

    def revision(self, kind: str) -> int:
        """The revision up to which this kind has been seen; 0 before its first list.

        Also 0 from `restored` until the next list.
        """
        return self._revisions.get(kind, 0)

    def seen(self, ref: ObjectRef) -> int:
        """Up to which revision every change of this object has been seen."""
        return self.revision(ref.kind)

    def keeps(self, snapshot: Snapshot) -> bool:  # noqa: ARG002 - for subclasses
        """Whether the Store keeps an object; one that it does not keep counts as absent."""
        return True

    def page(self, kind: str, snapshots: Iterable[Snapshot], revision: int) -> Page:
        """Take in a page of a list at this revision; nothing of it is shown before `replace`.

        Where an object is the same as before its old snapshot is kept, so a list takes no memory
        beside the Store.
        """
        is_restored = self._is_restored(kind, revision)
        kept = []
        for snapshot in filter(self.keeps, snapshots):
            before = self.get(snapshot.ref)
            if before is None or is_restored or _differs(before, snapshot):
                kept.append(self.compacted(snapshot))
            else:
                kept.append(before)
        return Page(kept, [])

    def compacted(self, snapshot: Snapshot) -> Snapshot:
        """The same snapshot in its small form; its JSON is read whenever it is asked for."""
        document = snapshot.document
        if not document or isinstance(document, Packed):
            return snapshot
        meta = self._compactor.metadata(snapshot.meta)
        kind, kept = snapshot.ref.kind, self.get(snapshot.ref)
        ref = kept.ref if kept else self._compactor.reference(kind, meta)
        return Snapshot(ref, meta, self._compactor.document(kind, document))

    def replace(self, kind: str, snapshots: Iterable[Snapshot], revision: int) -> list[Change]:
        """Replace all objects of a kind by a list; return every difference, deletions first.

        After a restore every object differs; so it does if the revision is lower than before.
        """
        is_restored = self._is_restored(kind, revision)
        self._outdated.discard(kind)
        old = self._objects.get(kind, {})
        kept = (self.compacted(snapshot) for snapshot in snapshots if self.keeps(snapshot))
        new = {snapshot.ref: snapshot for snapshot in kept}
        self._objects[kind] = new
        self._revisions[kind] = revision
        deleted = [Change(ref, before, None) for ref, before in old.items() if ref not in new]
        changed = [
            Change(ref, old.get(ref), after)
            for ref, after in new.items()
            if is_restored or _differs(old.get(ref), after)
        ]
        return deleted + changed

    def restored(self, kind: str) -> None:
        """Take in that etcd has an older state of this kind; the next list tells which."""
        self.restores += 1
        self._outdated.add(kind)
        self._revisions[kind] = 0

    def put(self, snapshot: Snapshot) -> Change:
        """Store an object that was added or modified."""
        if not self.keeps(snapshot):
            return self.remove(snapshot.ref, snapshot.revision)
        objects = self._objects.setdefault(snapshot.ref.kind, {})
        before, kept = objects.get(snapshot.ref), self.compacted(snapshot)
        objects[kept.ref] = kept
        self.advance(snapshot.ref.kind, snapshot.revision)
        return Change(snapshot.ref, before, snapshot)

    def remove(self, ref: ObjectRef, revision: int) -> Change:
        """Remove an object that was deleted or no longer matches the selector of the watch."""
        before = self._objects.setdefault(ref.kind, {}).pop(ref, None)
        self.advance(ref.kind, revision)
        return Change(ref, before, None)

    def _is_restored(self, kind: str, revision: int) -> bool:
        """Whether a list at this revision is the first one after a restore."""
        if revision < self.revision(kind):
            self.restored(kind)
        return kind in self._outdated

    def advance(self, kind: str, revision: int) -> None:
        """Record that all changes of this kind up to this revision have been seen."""
        self._revisions[kind] = max(revision, self._revisions.get(kind, 0))


class VersionStore(Store):
    """Keeps only the resourceVersion of each object, for handlers that index what they need.

    The `after` of a change is the whole object, its `before` has a resourceVersion only. A list
    shows and tells of each page at once, and in the end of what is gone: no list is held whole.
    """

    def page(self, kind: str, snapshots: Iterable[Snapshot], revision: int) -> Page:
        """Store the objects of a page, and tell what differs."""
        is_restored = self._is_restored(kind, revision)
        objects = self._objects.setdefault(kind, {})
        taken = Page([], [])
        for snapshot in snapshots:
            before, after = objects.get(snapshot.ref), _version_only(snapshot)
            if is_restored or _differs(before, after):
                objects[snapshot.ref] = after
                taken.changes.append(Change(snapshot.ref, before, snapshot))
            taken.kept.append(objects[snapshot.ref])
        return taken

    def replace(self, kind: str, snapshots: Iterable[Snapshot], revision: int) -> list[Change]:
        """Drop what is not among the objects that `page` has kept; return what is gone."""
        changes = super().replace(kind, snapshots, revision)
        return [change for change in changes if change.after is None]

    def put(self, snapshot: Snapshot) -> Change:
        """Store an object that was added or modified, as `Store.put`."""
        return super().put(_version_only(snapshot))._replace(after=snapshot)


def _differs(before: Snapshot | None, after: Snapshot) -> bool:
    return before is None or before.meta.resource_version != after.meta.resource_version


def trimmed(snapshot: Snapshot, fields: Iterable[str]) -> Snapshot:
    """The same object with only these fields of its metadata, and without its JSON."""
    meta = ObjectMeta(**{field: getattr(snapshot.meta, field) for field in fields})
    return Snapshot(snapshot.ref, meta, b"")


def _version_only(snapshot: Snapshot) -> Snapshot:
    return trimmed(snapshot, ("resource_version",))
