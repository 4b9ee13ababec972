"""The routing table, kind → handlers, and the actor that wakes other actors by it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pykka

from actors.runtime.actor import Actor
from actors.runtime.mail import Reconcile
from actors.runtime.reason import Cause, Reason
from resources.instance.owner import owner_of
from resources.kubernetes.kinds import KINDS, RESOURCES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from actors.runtime.context import Runtime
    from actors.watch.store import Change, Store
    from resources.kubernetes.reference import ObjectRef


_STEP = 64
"""Resources that are told before the rest of the loop has a turn."""


@dataclass(frozen=True, slots=True)
class Listed:
    """The Store holds a complete list of this kind."""

    kind: str


@dataclass(frozen=True, slots=True)
class Missing:
    """The API server knows no such kind: its CRD is not installed."""

    kind: str


@dataclass(frozen=True, slots=True)
class Needs:
    """The kinds that the actors of one kind have to know before they decide anything.

    Those in `listed` have to be listed. The CRD of those in `known` may be missing instead, for
    then there are no objects of that kind.
    """

    listed: frozenset[str]
    known: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Notice:
    """The actors of these resources have to reconcile, for this reason.

    `at` is the monotonic time at which it was announced; None: it has not been announced.
    """

    refs: tuple[ObjectRef, ...]
    reason: Reason
    at: float | None = None


@dataclass(frozen=True, slots=True)
class Routes:
    """The routing table of a process.

    - `handlers`: what a change of each watched kind means. They are called in the loop step in
      which the Store took the change, before any actor is told of it, so they may also index it.
    - `deliver`: how the actor of a resource is reached, by the kind of the resource.
    - `on_listed`: called with the kinds whose needs are met from now on; returns who has to
      reconcile first.
    - `needs`: by the kind of the resource; without an entry it is all kinds in `handlers`.
    """

    handlers: Mapping[str, Sequence[Callable[[Change], Notice]]]
    deliver: Mapping[str, Callable[[ObjectRef, Reconcile], None]]
    on_listed: Callable[[Collection[str]], Iterable[Notice]]
    needs: Mapping[str, Needs] = field(default_factory=dict)


class Router(Actor):
    """Delivers nothing to a kind until its needs are listed, then all once, then each change.

    So no actor decides on a part of what it has to know, and a kind that cannot be listed stops
    nobody else. Messages for one resource keep their order. The Router is the audience of the
    watchers.
    """

    kind = "Router"

    def __init__(self, runtime: Runtime, routes: Routes) -> None:
        super().__init__(runtime)
        self._routes = routes
        self._unlisted = set(routes.handlers)
        self._missing: set[str] = set()
        everything = Needs(frozenset(routes.handlers))
        self._needs = {kind: routes.needs.get(kind, everything) for kind in routes.deliver}
        """The kinds to which nothing is delivered yet, and what they need."""

    @property
    def waits_for(self) -> str | None:
        """The kinds that are not yet listed and have a CRD; None if there are none."""
        kinds = sorted(self._unlisted - self._missing)
        return f"not yet listed: {', '.join(kinds)}" if kinds else None

    @property
    def is_listed(self) -> bool:
        """Whether everything is delivered to everybody."""
        return not self._needs

    @property
    def missing(self) -> tuple[str, ...]:
        """The kinds whose CRD is missing."""
        return tuple(sorted(self._missing))

    def listed(self, kind: str) -> None:
        """Take in that the Store holds a complete list of this kind."""
        self._tell(Listed(kind))

    def absent(self, kind: str) -> None:
        """Take in that the CRD of this kind is missing."""
        self._tell(Missing(kind))

    def changed(self, change: Change) -> None:
        """Call the handlers of the kind, and announce the notices that they return."""
        for handler in self._routes.handlers[change.ref.kind]:
            self.announce(handler(change))

    def announce(self, notice: Notice) -> None:
        """Wake the actors that a notice names; they get to know when it was announced.

        A Router that has ended drops the notice; the next one wakes every actor after its lists.
        """
        if notice.refs:
            self._tell(Notice(notice.refs, notice.reason, self.runtime.clock.monotonic()))

    async def on_receive(self, message: object) -> None:
        """Take `Listed`, `Missing` and `Notice`."""
        match message:
            case Listed(kind):
                self._unlisted.discard(kind)
                self._missing.discard(kind)
                await self._open()
            case Missing(kind):
                self._missing.add(kind)
                await self._open()
            case Notice():
                await self._deliver(message, self._routes.deliver.keys() - self._needs.keys())

    def describe(self) -> dict[str, object]:
        """Add the kinds that are not yet listed, or have no CRD, for the actor dump."""
        own = {"waits for": self.waits_for, "missing": self.missing}
        return {**super().describe(), **own}

    async def _open(self) -> None:
        """Wake the resources of all kinds whose needs are met from now on."""
        absent = self._unlisted & self._missing
        met = {
            kind
            for kind, needs in self._needs.items()
            if not self._unlisted & needs.listed and not (self._unlisted - absent) & needs.known
        }
        if met:
            for kind in met:
                del self._needs[kind]
            for notice in self._routes.on_listed(met):
                await self._deliver(notice, met)

    def _tell(self, message: Listed | Missing | Notice) -> None:
        with suppress(pykka.ActorDeadError):
            self.actor_ref.tell(message)

    async def _deliver(self, notice: Notice, kinds: Collection[str]) -> None:
        message = Reconcile(notice.reason, notice.at)
        for number, ref in enumerate(notice.refs, 1):
            if ref.kind in kinds:
                self._routes.deliver[ref.kind](ref, message)
            if number % _STEP == 0:
                await asyncio.sleep(0)


def concerning(refs: Collection[ObjectRef], reason: Reason) -> Notice:
    """A notice to these resources, in a fixed order."""
    return Notice(tuple(sorted(refs)), reason)


def reason_of(change: Change) -> Reason:
    """A change as a reason to reconcile."""
    cause = Cause.DELETED if change.after is None else Cause.CHANGED
    newest = change.after or change.before
    version = newest.meta.resource_version if newest is not None else None
    return Reason(cause, change.ref.kind, change.ref.name, version or "")


def resource_changed(change: Change) -> Notice:
    """A handler of kinds whose resources have actors: the actor of the resource reconciles."""
    return Notice((change.ref,), reason_of(change))


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
        return Notice(tuple(concerned), reason_of(change))

    def all_listed(self) -> Iterator[Notice]:
        """Every resource reconciles, and every owner that is gone but left an object behind."""
        for kind in RESOURCES:
            refs = tuple(snapshot.ref for snapshot in self.store.of_kind(kind))
            yield Notice(refs, Reason(Cause.LISTED))
        yield Notice(tuple(self._orphaned()), Reason(Cause.ORPHANED))

    def _orphaned(self) -> Iterable[ObjectRef]:
        """The owners of cluster-scoped objects that do not exist, each once."""
        owners: dict[ObjectRef, None] = {}
        for kind in (kind for kind, known in KINDS.items() if not known.namespaced):
            for snapshot in self.store.of_kind(kind):
                owner = owner_of(snapshot.meta)
                if owner is not None and self.store.get(owner) is None:
                    owners[owner] = None
        return owners
