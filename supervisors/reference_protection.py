"""The part of the composition root that protects referenced Secrets and ConfigMaps."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from actors.reference.actor import ReferenceActor, state_of
from actors.reference.routes import ReferenceRoutes
from actors.reference.store import ReferenceStore
from actors.reference.watcher import ReferenceWatcher
from resources.artifact.references import FINALIZERS
from supervisors.tree.child_spec import ChildSpec
from supervisors.tree.dynamic import DynamicSupervisor
from supervisors.tree.registered_child import RegisteredChild

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterable

    from actors.api.client import Client
    from actors.api.transport import Transport
    from actors.reference.index import ReferenceIndex
    from actors.runtime.backoff import Backoff
    from actors.runtime.context import Runtime
    from actors.watch.audience import WatchObserver
    from actors.watch.router import Notice
    from resources.kubernetes.reference import ObjectRef
    from supervisors.tree.intensity import Intensity


class ReferenceProtection:
    """A supervisor of an actor for each referenced object, and the watches of their metadata."""

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
        self._indexed = asyncio.Event()
        self.index = index
        self.store = ReferenceStore(self.index)
        self.routes = ReferenceRoutes(self.index, self.store, on_renamed)
        self.references = RegisteredChild("references", self._make_references)
        """The supervisor of the actors of referenced objects."""

    def watchers(self) -> list[ChildSpec]:
        """The watches of Secrets and ConfigMaps; each waits for `artifacts_listed`."""
        return [ChildSpec(f"{kind} metadata", self._watcher(kind)) for kind in FINALIZERS]

    def artifacts_listed(self) -> None:
        """Take in that `index` knows what all artifacts name."""
        self._indexed.set()

    def roll_call(self) -> Iterable[ObjectRef]:
        """All objects that are named or still protected, or that have an actor."""
        return self.index.targets() | self.references.actor.keys | set(self.store.refs())

    def _watcher(self, kind: str) -> Callable[[], Any]:
        return lambda: ReferenceWatcher.start(
            self._runtime,
            kind,
            self._clients,
            self.routes,
            self._announce,
            self._observer,
            self._indexed,
        )

    def _make_references(self) -> DynamicSupervisor:
        client, _ = self._clients
        intensity, backoff = self._limits
        return DynamicSupervisor(
            self._runtime,
            "references",
            lambda ref: ReferenceActor.start(
                self._runtime, ref, client, self.store, self.index, self._absent
            ),
            self._version_of,
            on_parked=lambda _ref, _error: None,
            intensity=intensity,
            backoff=backoff,
        )

    def _version_of(self, ref: ObjectRef) -> Hashable:
        """What the actor of this object acts on; changes of other objects are no part of it."""
        return self.index.is_referenced(ref), state_of(self.store.get(ref))

    def _absent(self, ref: ObjectRef) -> None:
        self._announce(self.routes.object_absent(ref))
