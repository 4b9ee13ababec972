"""The part of the composition root that protects referenced Secrets and ConfigMaps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.reference.actor import ReferenceActor, state_of
from actors.reference.protected_scan import ProtectedScan
from actors.reference.routes import ReferenceRoutes
from actors.reference.scope_watcher import ScopeWatcher
from actors.reference.scopes import Scopes
from actors.runtime.mail import Reconcile
from actors.runtime.reason import Cause, Reason
from supervisors.tree.child_spec import Restart
from supervisors.tree.dynamic import DynamicSupervisor
from supervisors.tree.registered_child import RegisteredChild

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterable

    from actors.api.client import Client
    from actors.api.transport import Transport
    from actors.reference.index import ReferenceIndex
    from actors.runtime.backoff import Backoff
    from actors.runtime.context import Runtime
    from actors.runtime.ref import ActorRef
    from actors.watch.router import Notice
    from actors.watch.watcher import WatchObserver
    from resources.kubernetes.reference import ObjectRef
    from supervisors.tree.intensity import Intensity


class ReferenceProtection:
    """Two supervisors: of an actor for each referenced object, and of a watch for each scope."""

    def __init__(
        self,
        runtime: Runtime,
        clients: tuple[Client, Transport],
        observer: WatchObserver,
        index: ReferenceIndex,
        announce: Callable[[Notice], None],
        on_renamed: Callable[[Collection[ObjectRef]], None],
        limits: tuple[Intensity, Backoff],
    ) -> None:
        """`on_renamed` is called with what is named for the first time or no longer."""
        self._runtime = runtime
        self._clients = clients
        self._observer = observer
        self._announce = announce
        self._limits = limits
        self.index = index
        self.scopes = Scopes(self.index)
        self.routes = ReferenceRoutes(self.index, self.scopes, on_renamed, self._review_watch)
        self.references = RegisteredChild("references", self._make_references)
        """The supervisor of the actors of referenced objects."""
        self.watches = RegisteredChild("scopes", self._make_watches, after_start=self._review_all)
        """The supervisor of the watches."""
        self.scan = RegisteredChild("protected", self._make_scan, Restart.TRANSIENT)
        """Finds the scopes in which an earlier operator has protected objects, and ends."""

    def roll_call(self) -> Iterable[ObjectRef]:
        """All objects that are named or still protected, or that have an actor."""
        return self.index.targets() | self.references.actor.keys | set(self.scopes.refs())

    def _review_watch(self, scope: ObjectRef) -> None:
        """Start the watch of a scope that is needed; have the watch of one that is not end."""
        watches = self.watches.started
        if watches is not None and (self.scopes.is_needed(scope) or scope in watches):
            watches.deliver(scope, Reconcile(Reason(Cause.REFERENCES)))

    def _make_references(self) -> DynamicSupervisor:
        client, _ = self._clients
        return self._supervisor(
            "references",
            lambda ref: ReferenceActor.start(
                self._runtime, ref, client, self.scopes, self.index, self._absent
            ),
            self._version_of,
        )

    def _version_of(self, ref: ObjectRef) -> Hashable:
        """What the actor of this object acts on; changes of other objects are no part of it."""
        return self.index.is_referenced(ref), state_of(self.scopes.get(ref))

    def _absent(self, ref: ObjectRef) -> None:
        self._announce(self.routes.object_absent(ref))

    def _make_watches(self) -> DynamicSupervisor:
        self.scopes.clear()
        return self._supervisor(
            "scopes",
            lambda scope: ScopeWatcher.start(
                self._runtime,
                scope,
                self._clients,
                self.scopes,
                self.routes,
                self._announce,
                self._observer,
            ),
            self.index.targets_in,
        )

    def _review_all(self) -> None:
        for scope in sorted(self.index.scopes()):
            self._review_watch(scope)

    def _make_scan(self) -> ProtectedScan:
        client, _ = self._clients
        deliver = self.watches.actor.deliver
        return ProtectedScan(
            self._runtime, client, lambda scope: deliver(scope, Reconcile(Reason(Cause.PROTECTED)))
        )

    def _supervisor(
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
