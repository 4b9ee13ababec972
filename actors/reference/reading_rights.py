"""Wakes Falcos, whose Roles give the right to read what artifacts of their namespace name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.runtime.reason import Cause, Reason
from actors.watch.router import Notice

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from actors.reference.index import ReferenceIndex
    from actors.runtime.clock import Clock, Handle
    from actors.watch.store import Store
    from resources.kubernetes.reference import ObjectRef

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

    def changed(self, targets: Collection[ObjectRef]) -> None:
        """Take in that these objects are named for the first time, or no longer."""
        for namespace in sorted({target.namespace for target in targets}):
            if namespace in self._timers:
                self._overdue.add(namespace)
            else:
                self._wake(namespace)

    def _wake(self, namespace: str) -> None:
        falcos = (snapshot.ref for snapshot in self._store.of_kind("Falco"))
        refs = tuple(sorted(ref for ref in falcos if ref.namespace == namespace))
        if refs:
            self._announce(Notice(refs, Reason(Cause.REFERENCES)))
        self._timers[namespace] = self._clock.call_later(
            _PERIOD, lambda: self._period_ended(namespace)
        )

    def _period_ended(self, namespace: str) -> None:
        del self._timers[namespace]
        if namespace in self._overdue:
            self._overdue.discard(namespace)
            self._wake(namespace)
