"""Stores that keep little of each object: what is watched only to be counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.store import Change, Snapshot, Store
from resources.kubernetes.meta import ObjectMeta

if TYPE_CHECKING:
    from collections.abc import Iterable


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
