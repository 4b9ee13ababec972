"""Keeps the Roles of Falcos up to date with what the artifacts of their namespace refer to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.reference.index import ReferenceIndex, scope_of
from actors.runtime.reason import Cause, Reason
from actors.watch.router import Concerned
from resources.falco.rights import Readable
from resources.kubernetes.reference import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from actors.runtime.clock import Clock, Handle
    from actors.watch.store import Store

# Seconds, at least, between two times that the Falcos of a namespace are told: a thousand artifacts
# may come one by one, and each change is a write of a Role.
_PERIOD = 1.0


class ReadingRights:
    """Tells Falcos when something else is named in their namespace: at once, then once a second."""

    def __init__(
        self,
        clock: Clock,
        store: Store,
        index: ReferenceIndex,
        route: Callable[[Concerned], None],
    ) -> None:
        self._clock = clock
        self._store = store
        self._index = index
        self._route = route
        self._quiet: dict[str, Handle] = {}
        self._late: set[str] = set()

    def of(self, namespace: str) -> Readable:
        """What the artifacts of a namespace refer to."""
        secrets, config_maps = (
            frozenset(ref.name for ref in self._index.targets_in(ObjectRef(kind, namespace, "")))
            for kind in ("Secret", "ConfigMap")
        )
        return Readable(secrets, config_maps)

    def changed(self, targets: Collection[ObjectRef]) -> None:
        """Take note that these are named for the first time, or no more."""
        for namespace in sorted({scope_of(target).namespace for target in targets}):
            if namespace in self._quiet:
                self._late.add(namespace)
            else:
                self._tell(namespace)

    def _tell(self, namespace: str) -> None:
        falcos = (found.ref for found in self._store.of_kind("Falco"))
        refs = tuple(sorted(ref for ref in falcos if ref.namespace == namespace))
        if refs:
            self._route(Concerned(refs, Reason(Cause.REFERENCES)))
        self._quiet[namespace] = self._clock.call_later(_PERIOD, lambda: self._again(namespace))

    def _again(self, namespace: str) -> None:
        del self._quiet[namespace]
        if namespace in self._late:
            self._late.discard(namespace)
            self._tell(namespace)
