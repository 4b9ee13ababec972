"""Metadata of the Secrets and ConfigMaps that artifacts name or that are still protected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from actors.watch.store import Snapshot, Store, trimmed
from resources.artifact.references import FINALIZERS, is_protected
from resources.kubernetes.meta import RETRY

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from actors.reference.index import ReferenceIndex
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


class ReferenceStore(Store):
    """Keeps a few fields of each object that an artifact names or that carries our finalizer.

    All others are dropped on arrival. So an object that is named later may exist without being
    here; that it does not exist is known only once somebody has looked for it by name.
    """

    def __init__(self, index: ReferenceIndex) -> None:
        super().__init__()
        self._index = index
        self._absent: set[ObjectRef] = set()

    def keeps(self, snapshot: Snapshot) -> bool:
        """Whether an artifact names the object, or it carries our finalizer."""
        ref = snapshot.ref
        return self._index.is_referenced(ref) or is_protected(ref.kind, snapshot.meta)

    def compacted(self, snapshot: Snapshot) -> Snapshot:
        """The same snapshot with only the metadata that protection needs."""
        return protection_fields(snapshot)

    def review(self, refs: Collection[ObjectRef]) -> None:
        """Take in that these objects are named for the first time, or no longer.

        Withdraws that they are known to be absent, and drops what is to be kept no longer.
        """
        self._absent -= set(refs)
        for ref in refs:
            snapshot = self.get(ref)
            if snapshot is not None and not self.keeps(snapshot):
                self.remove(ref, 0)

    def confirm_absent(self, ref: ObjectRef) -> None:
        """Record that an object does not exist; that holds until the watch shows it."""
        self._absent.add(ref)

    def is_absent(self, ref: ObjectRef) -> bool:
        """Whether an object is known not to exist; false if that was never looked up."""
        return ref in self._absent and self.get(ref) is None

    def unknown(self, kind: str) -> frozenset[ObjectRef]:
        """The objects that artifacts name of which it is not known whether they exist."""
        return frozenset(
            ref
            for ref in self._index.targets()
            if ref.kind == kind and ref not in self._absent and self.get(ref) is None
        )

    def refs(self) -> Iterator[ObjectRef]:
        """All objects that the Store holds."""
        for kind in FINALIZERS:
            for snapshot in self.of_kind(kind):
                yield snapshot.ref


def protection_fields(snapshot: Snapshot) -> Snapshot:
    """The same object with only the metadata that protection needs."""
    short = trimmed(snapshot, _FIELDS)
    retry = (snapshot.meta.annotations or {}).get(RETRY)
    if retry is None:
        return short
    return replace(short, meta=replace(short.meta, annotations={RETRY: retry}))
