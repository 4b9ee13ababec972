"""The rights that the Roles of Falcos give to read what artifacts of their namespace name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.reference.index import ReferenceIndex, scope_of
from actors.watch.router import Notice
from resources.falco.rights import Readable
from resources.kubernetes.reference import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from actors.runtime.clock import Clock, Handle
    from actors.watch.store import Store

# Seconds, at least, between two notices to the Falcos of a namespace: a thousand artifacts may be
# created one by one, and each notice leads to a write of a Role.
_PERIOD = 1.0


class ReadingRights:
    """Wakes Falcos when other objects are named in their namespace: at once, then once a second."""

    def __init__(
        self,
        clock: Clock,
        store: Store,
        index: ReferenceIndex,
        announce: Callable[[Notice], None],
    ) -> None:
        self._clock = clock
        self._store = store
        self._index = index
        self._announce = announce
        self._timers: dict[str, Handle] = {}
        self._overdue: set[str] = set()

    def of(self, namespace: str) -> Readable:
        """The Secrets and ConfigMaps that the artifacts of a namespace name."""
        secrets, config_maps = (
            frozenset(ref.name for ref in self._index.targets_in(ObjectRef(kind, namespace, "")))
            for kind in ("Secret", "ConfigMap")
        )
        return Readable(secrets, config_maps)

    def changed(self, targets: Collection[ObjectRef]) -> None:
        """Take in that these objects are named for the first time, or no longer."""
        for namespace in sorted({scope_of(target).namespace for target in targets}):
            if namespace in self._timers:
                self._overdue.add(namespace)
            else:
                self._wake(namespace)

    def _wake(self, namespace: str) -> None:
        falcos = (snapshot.ref for snapshot in self._store.of_kind("Falco"))
        refs = tuple(sorted(ref for ref in falcos if ref.namespace == namespace))
        if refs:
            self._announce(Notice(refs, "references"))
        self._timers[namespace] = self._clock.call_later(
            _PERIOD, lambda: self._period_ended(namespace)
        )

    def _period_ended(self, namespace: str) -> None:
        del self._timers[namespace]
        if namespace in self._overdue:
            self._overdue.discard(namespace)
            self._wake(namespace)
