"""A watch of the metadata of one kind in one namespace, for as long as it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from actors.api.client import METADATA
from actors.runtime.mail import Reconcile
from actors.runtime.reason import Cause, Reason
from actors.runtime.results import Done, Result, Retire
from actors.watch.source import Source
from actors.watch.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.api.client import Client
    from actors.api.transport import Transport
    from actors.reference.scopes import Scopes
    from actors.runtime.context import Runtime
    from actors.runtime.reason import Reasons
    from actors.watch.router import Notice
    from actors.watch.store import Change
    from actors.watch.watcher import WatchObserver
    from resources.kubernetes.reference import ObjectRef


class ScopeRoutes(Protocol):
    """The handlers of a scope's lists and changes; their notices are announced."""

    def scope_listed(self, scope: ObjectRef) -> Notice:
        """Take in that the Store holds all objects of the scope that it keeps."""
        ...

    def object_changed(self, change: Change) -> Notice:
        """Take in one change, already in the Store."""
        ...


class ScopeWatcher(Watcher):
    """Watches one scope until a reconcile finds that the scope is not needed.

    It never ends before its first list, which shows the objects that carry our finalizer.
    """

    def __init__(
        self,
        runtime: Runtime,
        scope: ObjectRef,
        clients: tuple[Client, Transport],
        scopes: Scopes,
        routes: ScopeRoutes,
        announce: Callable[[Notice], None],
        observer: WatchObserver,
    ) -> None:
        source = Source(scope.kind, namespace=scope.namespace, representation=METADATA)
        super().__init__(runtime, source, clients, scopes.open(scope), self, observer)
        self._scope = scope
        self._scopes = scopes
        self._routes = routes
        self._announce = announce

    def listed(self, kind: str) -> None:  # noqa: ARG002 - a scope has one kind
        """Route the end of a list, and reconcile."""
        self._announce(self._routes.scope_listed(self._scope))
        self.actor_inbox.post(Reconcile(Reason(Cause.LISTED)))

    def absent(self, kind: str) -> None:
        """Do nothing: Secrets and ConfigMaps are always there."""

    def changed(self, change: Change) -> None:
        """Route a change."""
        self._announce(self._routes.object_changed(change))

    async def on_reconcile(self, reasons: Reasons) -> Result:  # noqa: ARG002 - level-based
        """Retire if the scope is not needed."""
        return Done() if self._scopes.is_needed(self._scope) else Retire()

    async def on_stop(self) -> None:
        """Forget the objects of the scope."""
        self._scopes.close(self._scope, self.store)
