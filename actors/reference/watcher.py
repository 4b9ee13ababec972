"""The watch of the metadata of all Secrets, or of all ConfigMaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.api.client import METADATA
from actors.watch.source import Source
from actors.watch.watcher import Watcher

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from actors.api.client import Client
    from actors.api.transport import Transport
    from actors.reference.routes import ReferenceRoutes
    from actors.runtime.context import Runtime
    from actors.watch.audience import WatchObserver
    from actors.watch.router import Notice
    from actors.watch.store import Change


class ReferenceWatcher(Watcher):
    """Watches one kind in the whole cluster; what no artifact names passes and is forgotten.

    It begins once `indexed` is set: what its list shows is kept only if it is known to be named.
    """

    def __init__(
        self,
        runtime: Runtime,
        kind: str,
        clients: tuple[Client, Transport],
        routes: ReferenceRoutes,
        announce: Callable[[Notice], None],
        observer: WatchObserver,
        indexed: asyncio.Event,
    ) -> None:
        source = Source(kind, representation=METADATA)
        super().__init__(runtime, source, clients, routes.store, self, observer)
        self._routes = routes
        self._announce = announce
        self._indexed = indexed

    async def run(self) -> None:
        """Wait until it is known what artifacts name, then watch."""
        await self._indexed.wait()
        await super().run()

    def listed(self, kind: str) -> None:
        """Route the end of a list."""
        self._announce(self._routes.listed(kind))

    def absent(self, kind: str) -> None:
        """Do nothing: Secrets and ConfigMaps are always there."""

    def changed(self, change: Change) -> None:
        """Route a change."""
        self._announce(self._routes.object_changed(change))
