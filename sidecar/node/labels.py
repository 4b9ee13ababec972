"""The labels of the sidecar's own Node, by which artifacts select it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.watch.router import Notice
from resources.kubernetes.reference import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from actors.watch.store import Change, Store


class NodeLabels:
    """The newest labels that the Store has shown of one Node, also after that Node is deleted.

    `artifacts` returns every artifact that has an actor or needs one.
    """

    def __init__(
        self, store: Store, node: str, artifacts: Callable[[], Iterable[ObjectRef]]
    ) -> None:
        self._store = store
        self._ref = ObjectRef("Node", "", node)
        self._artifacts = artifacts
        self._last: Mapping[str, str] = {}

    def current(self) -> Mapping[str, str]:
        """The labels as the Store shows them; those seen last if the Node is deleted."""
        snapshot = self._store.get(self._ref)
        if snapshot is not None:
            self._last = snapshot.meta.labels or {}
        return self._last

    def node_changed(self, change: Change) -> Notice:
        """The handler of the Node: other labels concern every artifact, all else concerns none."""
        before, after = change.before, change.after
        if before is not None and after is not None and before.meta.labels == after.meta.labels:
            return Notice((), change.ref.kind)
        return Notice(tuple(self._artifacts()), change.ref.kind)
