"""Metadata of Secrets and ConfigMaps that artifacts name or that are still protected.

A scope is one kind in one namespace, written as an ObjectRef without a name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.reference.index import scope_of
from actors.watch.store import Snapshot, Store, trimmed
from resources.artifact.references import is_protected

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from actors.reference.index import ReferenceIndex
    from actors.watch.store import Change
    from resources.kubernetes.reference import ObjectRef


# Metadata may be large: `kubectl apply` puts all the data of a Secret into an annotation.
_FIELDS = (
    "name",
    "namespace",
    "uid",
    "resource_version",
    "finalizers",
    "deletion_timestamp",
)


class ScopeStore(Store):
    """Keeps a few fields of each object that an artifact names or that carries our finalizer."""

    def __init__(self, index: ReferenceIndex) -> None:
        super().__init__()
        self._index = index

    def keeps(self, snapshot: Snapshot) -> bool:
        """Whether an artifact names the object, or it carries our finalizer."""
        ref = snapshot.ref
        return self._index.is_referenced(ref) or is_protected(ref.kind, snapshot.meta)

    def replace(self, kind: str, snapshots: Iterable[Snapshot], revision: int) -> list[Change]:
        """Replace all objects by a list, as `Store.replace`."""
        return super().replace(kind, map(protection_fields, snapshots), revision)

    def put(self, snapshot: Snapshot) -> Change:
        """Store an object that was added or modified, as `Store.put`."""
        return super().put(protection_fields(snapshot))


class Scopes:
    """One Store for each scope that is watched; reading them is like reading one Store."""

    def __init__(self, index: ReferenceIndex) -> None:
        self._index = index
        self._absent: set[ObjectRef] = set()
        self._stores: dict[ObjectRef, ScopeStore] = {}
        self._past_restores = 0

    def open(self, scope: ObjectRef) -> Store:
        """Return an empty Store for the watch of a scope that begins."""
        self._stores[scope] = ScopeStore(self._index)
        return self._stores[scope]

    def close(self, scope: ObjectRef, store: Store) -> None:
        """Drop the Store of a watch that ends, unless another watch of the scope has begun."""
        if self._stores.get(scope) is store:
            del self._stores[scope]
            self._past_restores += store.restores
            self.doubt({ref for ref in self._absent if scope_of(ref) == scope})

    def clear(self) -> None:
        """Drop all Stores, whose watches have ended, and all knowledge of absent objects."""
        self._past_restores = self.restores
        self._stores.clear()
        self._absent.clear()

    def confirm_absent(self, ref: ObjectRef) -> None:
        """Record that an object does not exist; that holds until the watch shows it."""
        self._absent.add(ref)

    def doubt(self, refs: Collection[ObjectRef]) -> None:
        """Withdraw that these objects are known to be absent."""
        self._absent -= set(refs)

    def is_absent(self, ref: ObjectRef) -> bool:
        """Whether an object is known not to exist; false if that was never looked up."""
        return ref in self._absent and self.get(ref) is None

    def is_needed(self, scope: ObjectRef) -> bool:
        """Whether artifacts name an object of the scope, or one may still carry our finalizer.

        Before the first list of the scope, any object may carry it.
        """
        if self._index.names_in(scope):
            return True
        store = self._stores.get(scope)
        if store is None:
            return False
        return not store.seen(scope) or any(map(store.keeps, store.of_kind(scope.kind)))

    def get(self, ref: ObjectRef) -> Snapshot | None:
        """Return the newest snapshot, None if there is none or the scope is not watched."""
        store = self._stores.get(scope_of(ref))
        return store.get(ref) if store is not None else None

    def seen(self, ref: ObjectRef) -> int:
        """The revision up to which every change of an object was seen; 0 if it is not watched."""
        store = self._stores.get(scope_of(ref))
        return store.seen(ref) if store is not None else 0

    def compacted(self, snapshot: Snapshot) -> Snapshot:
        """The few fields that a Store of a scope keeps."""
        return protection_fields(snapshot)

    def absent(self, scope: ObjectRef) -> frozenset[ObjectRef]:
        """The objects of a scope that artifacts name and the Store does not hold."""
        return frozenset(ref for ref in self._index.targets_in(scope) if self.get(ref) is None)

    @property
    def restores(self) -> int:
        """How often etcd was found to be restored to an older state."""
        return self._past_restores + sum(store.restores for store in self._stores.values())

    def refs(self) -> Iterator[ObjectRef]:
        """All objects that the Stores hold."""
        for scope, store in self._stores.items():
            for snapshot in store.of_kind(scope.kind):
                yield snapshot.ref


def protection_fields(snapshot: Snapshot) -> Snapshot:
    """The same object with only the metadata that protection needs."""
    return trimmed(snapshot, _FIELDS)
