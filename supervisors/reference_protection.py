"""The part of the composition root that protects referenced Secrets and ConfigMaps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.reference.actor import ReferenceActor
from actors.reference.index import ReferenceIndex, scope_of
from actors.reference.protected_scan import ProtectedScan
from actors.reference.scope_watcher import ScopeWatcher
from actors.reference.scopes import Scopes
from actors.runtime.mail import Reconcile
from actors.runtime.reason import Cause, Reason
from actors.watch.router import Concerned, changed
from resources.artifact.references import FINALIZERS
from resources.kubernetes.kinds import ARTIFACTS
from supervisors.tree.child_spec import ChildSpec, Restart
from supervisors.tree.dynamic import DynamicSupervisor, Population

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterable

    from actors.api.client import Client
    from actors.api.transport import Transport
    from actors.runtime.backoff import Backoff
    from actors.runtime.context import Runtime
    from actors.runtime.ref import ActorRef
    from actors.watch.store import Change
    from actors.watch.watcher import WatchObserver
    from resources.kubernetes.reference import ObjectRef
    from supervisors.tree.intensity import Intensity


class ReferenceProtection:
    """Two crowds of actors: one for each referenced object, one watch for each scope of them."""

    def __init__(
        self,
        runtime: Runtime,
        clients: tuple[Client, Transport],
        observer: WatchObserver,
        route: Callable[[Concerned], None],
        renamed: Callable[[Collection[ObjectRef]], None],
        limits: tuple[Intensity, Backoff],
    ) -> None:
        """`renamed` is told what is named for the first time or no more."""
        self._runtime = runtime
        self._clients = clients
        self._observer = observer
        self._route = route
        self._renamed = renamed
        self._limits = limits
        self.index = ReferenceIndex()
        self.scopes = Scopes(self.index)
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
        return self.index.targets() | actors | set(self.scopes.refs())

    def population(self) -> list[Population]:
        """For metrics."""
        references, watches = self._references, self._watches
        return [
            *(references.population(*FINALIZERS) if references is not None else []),
            *([Population("Watcher", watches.parked, watches.mail)] if watches is not None else []),
        ]

    # Audience of the scope watchers, and of the watchers of artifacts.

    def scope_listed(self, scope: ObjectRef) -> None:
        """Tell those whose object the list did not show: it may not have been named by then."""
        self._concern(self.scopes.absent(scope), Reason(Cause.LISTED, scope.kind))

    def changed(self, change: Change) -> None:
        """Tell what is named for the first time or no more, or an object that matters."""
        if change.ref.kind in ARTIFACTS:
            concerned = self.index.note(change)
            self.scopes.doubt(concerned)
            self._renamed(concerned)
            self._concern(concerned, changed(change).reason)
            for scope in sorted(set(map(scope_of, concerned))):
                self._tend(scope)
        elif change.after is not None:
            self._concern((change.ref, *self.index.referrers(change.ref)), changed(change).reason)
        else:
            self._absent(change.ref)
            if change.before is not None:  # it is gone, or neither named nor protected any more
                self._tend(scope_of(change.ref))

    def _absent(self, ref: ObjectRef) -> None:
        """Tell those that name an object that it is not there."""
        if self.index.is_referenced(ref):
            self.scopes.confirm_absent(ref)
            absent = Reason(Cause.ABSENT, ref.kind, ref.name)
            self._concern(self.index.referrers(ref), absent)

    def _concern(self, refs: Collection[ObjectRef], reason: Reason) -> None:
        if refs:
            self._route(Concerned(tuple(sorted(refs)), reason))

    def _tend(self, scope: ObjectRef) -> None:
        """Begin the watch of a scope that is needed, and let one that is not look at itself."""
        if self._watches is not None and (self.scopes.is_needed(scope) or scope in self._watches):
            self._watches.deliver(scope, Reconcile(Reason(Cause.REFERENCES)))

    def _start_references(self) -> ActorRef[DynamicSupervisor]:
        client, _ = self._clients
        self._references = self._crowd(
            "references",
            lambda ref: ReferenceActor.start(
                self._runtime, ref, client, self.scopes, self.index, self._absent
            ),
            self.scopes.seen,
        )
        return self._references.launch()

    def _start_watches(self) -> ActorRef[DynamicSupervisor]:
        self.scopes.clear()
        self._watches = self._crowd(
            "scopes",
            lambda scope: ScopeWatcher.start(
                self._runtime, scope, self._clients, self.scopes, self, self._observer
            ),
            self.index.targets_in,
        )
        ref = self._watches.launch()
        for scope in sorted(self.index.scopes()):
            self._tend(scope)
        return ref

    def _start_scan(self) -> ActorRef[ProtectedScan]:
        client, _ = self._clients
        return ProtectedScan.start(self._runtime, client, self._found)

    def _found(self, scope: ObjectRef) -> None:
        assert self._watches is not None, "the scan is started after the watches"
        self._watches.deliver(scope, Reconcile(Reason(Cause.PROTECTED)))

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
