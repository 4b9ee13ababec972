"""Metadata of Secrets and ConfigMaps: only of those that matter, namespace by namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.reference.index import scope_of
from actors.watch.store import Snapshot, Store
from resources.artifact.references import is_protected
from resources.kubernetes.meta import ObjectMeta

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from actors.reference.index import ReferenceIndex
    from actors.watch.store import Change
    from resources.kubernetes.reference import ObjectRef


class ScopeStore(Store):
    """Keeps what an artifact names or what carries our finalizer, bare; all else never stays."""

    def __init__(self, index: ReferenceIndex) -> None:
        super().__init__()
        self._index = index

    def keeps(self, snapshot: Snapshot) -> bool:
        """Whether the object is protected, or to be."""
        ref = snapshot.ref
        return self._index.is_referenced(ref) or is_protected(ref.kind, snapshot.meta)

    def replace(self, kind: str, snapshots: Iterable[Snapshot], revision: int) -> list[Change]:
        """Swap in a whole list, as `Store.replace`."""
        return super().replace(kind, map(bare, snapshots), revision)

    def put(self, snapshot: Snapshot) -> Change:
        """Take an object that was added or modified, as `Store.put`."""
        return super().put(bare(snapshot))


class Scopes:
    """One Store for each kind and namespace that is watched, seen as one."""

    def __init__(self, index: ReferenceIndex) -> None:
        self._index = index
        self._absent: set[ObjectRef] = set()
        self._stores: dict[ObjectRef, ScopeStore] = {}

    def open(self, scope: ObjectRef) -> Store:
        """Return an empty Store for a watch that begins."""
        self._stores[scope] = ScopeStore(self._index)
        return self._stores[scope]

    def close(self, scope: ObjectRef, store: Store) -> None:
        """Forget what a watch that ends has brought, unless another has begun since."""
        if self._stores.get(scope) is store:
            del self._stores[scope]
            self.doubt({ref for ref in self._absent if scope_of(ref) == scope})

    def clear(self) -> None:
        """Forget what watches that are gone have brought."""
        self._stores.clear()
        self._absent.clear()

    def confirm_absent(self, ref: ObjectRef) -> None:
        """Note that the API server does not have it; that holds until the watch brings it."""
        self._absent.add(ref)

    def doubt(self, refs: Collection[ObjectRef]) -> None:
        """Forget that these are known to be absent."""
        self._absent -= set(refs)

    def is_absent(self, ref: ObjectRef) -> bool:
        """Whether the object is known not to be there; one that was not looked for is not."""
        return ref in self._absent and self.get(ref) is None

    def is_needed(self, scope: ObjectRef) -> bool:
        """Whether anything of the scope is named by an artifact, or may still be protected.

        Before its first list it may be.
        """
        if self._index.names_in(scope):
            return True
        store = self._stores.get(scope)
        if store is None:
            return False
        return not store.seen(scope) or any(map(store.keeps, store.of_kind(scope.kind)))

    def get(self, ref: ObjectRef) -> Snapshot | None:
        """Return the newest snapshot, or None if there is none or the scope is not watched."""
        store = self._stores.get(scope_of(ref))
        return store.get(ref) if store is not None else None

    def seen(self, ref: ObjectRef) -> int:
        """Up to which revision every change of this object has been seen; 0 if not watched."""
        store = self._stores.get(scope_of(ref))
        return store.seen(ref) if store is not None else 0

    def absent(self, scope: ObjectRef) -> frozenset[ObjectRef]:
        """What artifacts name and the scope does not show."""
        return frozenset(ref for ref in self._index.targets_in(scope) if self.get(ref) is None)

    def refs(self) -> Iterator[ObjectRef]:
        """Everything that is kept."""
        for scope, store in self._stores.items():
            for snapshot in store.of_kind(scope.kind):
                yield snapshot.ref


def bare(snapshot: Snapshot) -> Snapshot:
    """The same without what nobody here reads.

    Metadata is no small thing: `kubectl apply` puts all the data of a Secret into an annotation.
    """
    known = snapshot.meta
    meta = ObjectMeta(
        name=known.name,
        namespace=known.namespace,
        uid=known.uid,
        resource_version=known.resource_version,
        finalizers=known.finalizers,
        deletion_timestamp=known.deletion_timestamp,
    )
    return Snapshot(snapshot.ref, meta, b"")
