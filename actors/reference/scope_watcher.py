"""Watches the metadata of one kind in one namespace, for as long as anything there matters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from actors.api.client import METADATA
from actors.runtime.mail import Reconcile
from actors.runtime.reason import Cause, Reason
from actors.runtime.results import Done, Result, Retire
from actors.watch.watcher import Source, Watcher

if TYPE_CHECKING:
    from actors.api.client import Client
    from actors.api.transport import Transport
    from actors.reference.scopes import Scopes
    from actors.runtime.context import Runtime
    from actors.runtime.reason import Reasons
    from actors.watch.store import Change
    from actors.watch.watcher import WatchObserver
    from resources.kubernetes.reference import ObjectRef


class ScopeAudience(Protocol):
    """Who is told what is seen of a scope."""

    def scope_listed(self, scope: ObjectRef) -> None:
        """Take note that all of the scope that matters is known."""
        ...

    def changed(self, change: Change) -> None:
        """Take note of one change, already in the Store."""
        ...


class ScopeWatcher(Watcher):
    """Told to look, it ends itself if its scope is not needed; never before its first list.

    What is protected is known only then, and has to be let go by somebody.
    """

    def __init__(
        self,
        runtime: Runtime,
        scope: ObjectRef,
        clients: tuple[Client, Transport],
        scopes: Scopes,
        told: ScopeAudience,
        observer: WatchObserver,
    ) -> None:
        source = Source(scope.kind, namespace=scope.namespace, representation=METADATA)
        super().__init__(runtime, source, clients, scopes.open(scope), self, observer)
        self._scope = scope
        self._scopes = scopes
        self._told = told

    def listed(self, kind: str) -> None:  # noqa: ARG002 - there is but one
        """Pass on which scope it was, and see whether it was worth it."""
        self._told.scope_listed(self._scope)
        self.actor_inbox.post(Reconcile(Reason(Cause.LISTED)))

    def changed(self, change: Change) -> None:
        """Pass on."""
        self._told.changed(change)

    async def on_reconcile(self, reasons: Reasons) -> Result:  # noqa: ARG002 - level-based
        """Go on or end."""
        return Done() if self._scopes.is_needed(self._scope) else Retire()

    async def on_stop(self) -> None:
        """Let go of what was seen."""
        self._scopes.close(self._scope, self.store)
