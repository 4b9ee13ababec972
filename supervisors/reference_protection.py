"""The part of the composition root that protects referenced Secrets and ConfigMaps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.mail import Reconcile
from actors.protected_scan import ProtectedScan
from actors.reference import ReferenceActor
from actors.reference_index import ReferenceIndex, scope_of
from actors.router import Concerned
from actors.scope_watcher import ScopeWatcher
from actors.scopes import Scopes
from resources.references import ARTIFACTS
from supervisors.child import ChildSpec, Restart
from supervisors.dynamic import DynamicSupervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterable

    from actors.backoff import Backoff
    from actors.client import Client
    from actors.ref import ActorRef
    from actors.runtime import Runtime
    from actors.store import Change
    from actors.transport import Transport
    from actors.watcher import WatchObserver
    from resources.reference import ObjectRef
    from supervisors.intensity import Intensity


class ReferenceProtection:
    """Two crowds of actors: one for each referenced object, one watch for each scope of them."""

    def __init__(
        self,
        runtime: Runtime,
        clients: tuple[Client, Transport],
        observer: WatchObserver,
        route: Callable[[Concerned], None],
        limits: tuple[Intensity, Backoff],
    ) -> None:
        self._runtime = runtime
        self._clients = clients
        self._observer = observer
        self._route = route
        self._limits = limits
        self._index = ReferenceIndex()
        self._scopes = Scopes(self._index)
        self._references: DynamicSupervisor | None = None
        self._watches: DynamicSupervisor | None = None

    def before_router(self) -> list[ChildSpec]:
        """The actors that the router tells."""
        return [ChildSpec("references", self._start_references)]

    def after_router(self) -> list[ChildSpec]:
        """The watches that tell the router, and what finds those that are needed at a start."""
        return [
            ChildSpec("scopes", self._start_watches),
            ChildSpec("protected", self._start_scan, Restart.TRANSIENT),
        ]

    def deliver(self, ref: ObjectRef, message: Reconcile) -> None:
        """Tell the actor of a referenced object."""
        if self._references is not None:
            self._references.deliver(ref, message)

    def roll_call(self) -> Iterable[ObjectRef]:
        """Everything that is named, still protected, or has an actor that may not know better."""
        actors = self._references.keys if self._references is not None else frozenset()
        return self._index.targets() | actors | set(self._scopes.refs())

    # Audience of the scope watchers, and of the watchers of artifacts.

    def scope_listed(self, scope: ObjectRef) -> None:
        """Tell those whose object the list did not show: it may not have been named by then."""
        self._concern(self._scopes.absent(scope), scope.kind)

    def changed(self, change: Change) -> None:
        """Tell what is named for the first time or no more, or an object that matters."""
        if change.ref.kind in ARTIFACTS:
            concerned = self._index.note(change)
            self._concern(concerned, change.ref.kind)
            for scope in sorted(set(map(scope_of, concerned))):
                self._tend(scope)
        elif change.after is not None:
            self._concern((change.ref,), change.ref.kind)
        elif change.before is not None:  # it is gone, or neither named nor protected any more
            self._tend(scope_of(change.ref))

    def _concern(self, refs: Collection[ObjectRef], reason: str) -> None:
        if refs:
            self._route(Concerned(tuple(sorted(refs)), reason))

    def _tend(self, scope: ObjectRef) -> None:
        """Begin the watch of a scope that is needed, and let one that is not look at itself."""
        if self._watches is not None and (self._scopes.is_needed(scope) or scope in self._watches):
            self._watches.deliver(scope, Reconcile("references"))

    def _start_references(self) -> ActorRef[DynamicSupervisor]:
        client, _ = self._clients
        self._references = self._crowd(
            "references",
            lambda ref: ReferenceActor.start(self._runtime, ref, client, self._scopes, self._index),
            self._scopes.seen,
        )
        return self._references.launch()

    def _start_watches(self) -> ActorRef[DynamicSupervisor]:
        self._scopes.clear()
        self._watches = self._crowd(
            "scopes",
            lambda scope: ScopeWatcher.start(
                self._runtime, scope, self._clients, self._scopes, self, self._observer
            ),
            self._index.targets_in,
        )
        ref = self._watches.launch()
        for scope in sorted(self._index.scopes()):
            self._tend(scope)
        return ref

    def _start_scan(self) -> ActorRef[ProtectedScan]:
        client, _ = self._clients
        return ProtectedScan.start(self._runtime, client, self._found)

    def _found(self, scope: ObjectRef) -> None:
        assert self._watches is not None, "the scan is started after the watches"
        self._watches.deliver(scope, Reconcile("protected"))

    def _crowd(
        self,
        name: str,
        start: Callable[[ObjectRef], ActorRef[Any]],
        version_of: Callable[[ObjectRef], Hashable],
    ) -> DynamicSupervisor:
        intensity, backoff = self._limits
        return DynamicSupervisor(
            self._runtime,
            name,
            start,
            version_of,
            on_parked=lambda _ref, _error: None,
            intensity=intensity,
            backoff=backoff,
        )
