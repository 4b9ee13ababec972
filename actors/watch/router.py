"""The routing table, kind → handlers, and the actor that wakes other actors by it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pykka

from actors.runtime.actor import Actor
from actors.runtime.mail import Reconcile
from resources.instance.owner import owner_of
from resources.kubernetes.kinds import KINDS, RESOURCES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from actors.runtime.context import Runtime
    from actors.watch.store import Change, Store
    from resources.kubernetes.reference import ObjectRef


@dataclass(frozen=True, slots=True)
class Listed:
    """The Store holds a complete list of this kind."""

    kind: str


@dataclass(frozen=True, slots=True)
class Notice:
    """The actors of these resources have to reconcile, for this reason."""

    refs: tuple[ObjectRef, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Routes:
    """The routing table of a process.

    - `handlers`: what a change of each watched kind means. They are called in the loop step in
      which the Store took the change, before any actor is told of it, so they may also index it.
    - `deliver`: how the actor of a resource is reached, by the kind of the resource.
    - `on_listed`: called once, when all kinds are listed; returns who has to reconcile first.
    """

    handlers: Mapping[str, Sequence[Callable[[Change], Notice]]]
    deliver: Mapping[str, Callable[[ObjectRef, Reconcile], None]]
    on_listed: Callable[[], Iterable[Notice]]


class Router(Actor):
    """Delivers nothing until every kind is listed, then everything once, then each change.

    So no actor decides on a part of the cluster. Messages for one resource keep their order. The
    Router is the audience of the watchers.
    """

    kind = "Router"

    def __init__(self, runtime: Runtime, routes: Routes) -> None:
        super().__init__(runtime)
        self._routes = routes
        self._unlisted = set(routes.handlers)

    @property
    def waits_for(self) -> str | None:
        """The kinds that are not yet listed; None once all are."""
        return f"not yet listed: {', '.join(sorted(self._unlisted))}" if self._unlisted else None

    def listed(self, kind: str) -> None:
        """Take in that the Store holds a complete list of this kind."""
        self._tell(Listed(kind))

    def changed(self, change: Change) -> None:
        """Call the handlers of the kind, and announce the notices that they return."""
        for handler in self._routes.handlers[change.ref.kind]:
            self.announce(handler(change))

    def announce(self, notice: Notice) -> None:
        """Wake the actors that a notice names.

        A Router that has ended drops the notice; the next one wakes every actor after its lists.
        """
        if notice.refs:
            self._tell(notice)

    async def on_receive(self, message: object) -> None:
        """Take `Listed` and `Notice`."""
        if isinstance(message, Listed) and self._unlisted:
            self._unlisted.discard(message.kind)
            if not self._unlisted:
                for notice in self._routes.on_listed():
                    self._deliver(notice)
        elif isinstance(message, Notice) and not self._unlisted:
            self._deliver(message)

    def describe(self) -> dict[str, object]:
        """Add the kinds that are not yet listed, for the actor dump."""
        return {**super().describe(), "waits for": self.waits_for}

    def _tell(self, message: Listed | Notice) -> None:
        with suppress(pykka.ActorDeadError):
            self.actor_ref.tell(message)

    def _deliver(self, notice: Notice) -> None:
        for ref in notice.refs:
            deliver = self._routes.deliver.get(ref.kind)
            if deliver is not None:
                deliver(ref, Reconcile(notice.reason))


def concerning(refs: Collection[ObjectRef], reason: str) -> Notice:
    """A notice to these resources, in a fixed order."""
    return Notice(tuple(sorted(refs)), reason)


def resource_changed(change: Change) -> Notice:
    """A handler of kinds whose resources have actors: the actor of the resource reconciles."""
    return Notice((change.ref,), "deleted" if change.after is None else "changed")


@dataclass(frozen=True, slots=True)
class ChildRoutes:
    """Handlers of kinds whose objects belong to resources in this Store."""

    store: Store

    def child_changed(self, change: Change) -> Notice:
        """The owners that the object had or has reconcile, if they exist.

        An owner that is gone reconciles when a cluster-scoped object appears, to delete it: the
        garbage collector only deletes what a vanished owner had in its namespace.
        """
        owners: dict[ObjectRef, None] = {}
        for snapshot in (change.before, change.after):
            owner = owner_of(snapshot.meta) if snapshot is not None else None
            if owner is not None:
                owners[owner] = None
        is_orphan = change.after is not None and not KINDS[change.ref.kind].namespaced
        concerned = (owner for owner in owners if is_orphan or self.store.get(owner) is not None)
        return Notice(tuple(concerned), change.ref.kind)

    def all_listed(self) -> Iterator[Notice]:
        """Every resource reconciles, and every owner that is gone but left an object behind."""
        for kind in RESOURCES:
            refs = tuple(snapshot.ref for snapshot in self.store.of_kind(kind))
            yield Notice(refs, "listed")
        yield Notice(tuple(self._orphaned()), "orphan")

    def _orphaned(self) -> Iterable[ObjectRef]:
        """The owners of cluster-scoped objects that do not exist, each once."""
        owners: dict[ObjectRef, None] = {}
        for kind in (kind for kind, known in KINDS.items() if not known.namespaced):
            for snapshot in self.store.of_kind(kind):
                owner = owner_of(snapshot.meta)
                if owner is not None and self.store.get(owner) is None:
                    owners[owner] = None
        return owners
