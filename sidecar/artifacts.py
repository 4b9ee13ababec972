"""The part of the composition root that runs the actors of the artifacts of one namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.registry.table_file import TableFile, TableFollower
from actors.runtime.mail import Reconcile
from actors.runtime.reason import Cause, Reason
from actors.watch.router import Notice
from resources.kubernetes.kinds import ARTIFACTS
from resources.kubernetes.reference import ObjectRef
from resources.registry.table import table_of
from sidecar.node.artifact import NodeArtifactActor, NodeServices, version_of
from sidecar.node.fetcher import Fetcher
from sidecar.node.labels import NodeLabels
from sidecar.node.pull_limiter import PullLimiter
from supervisors.tree.dynamic import DynamicSupervisor, Population
from supervisors.tree.intensity import OBJECT_INTENSITY, RESTART_BACKOFF
from supervisors.tree.registered_child import RegisteredChild

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from actors.api.client import Client
    from actors.watch.store import Store
    from resources.node.slots import SlotId
    from sidecar.node.metrics import NodeMetrics
    from sidecar.node.state import NodeState
    from sidecar.settings import NodeSettings
    from sidecar.volume.blobs import Blobs
    from supervisors.process.program import Process


class Artifacts:
    """A supervisor of one actor for each artifact, and what these actors share."""

    def __init__(
        self,
        settings: NodeSettings,
        process: Process,
        client: Client,
        store: Store,
        state: NodeState,
        blobs: Blobs,
        metrics: NodeMetrics,
        announce: Callable[[Notice], None],
    ) -> None:
        self._settings = settings
        self._runtime = process.runtime
        self._store = store
        self._state = state
        self._announce = announce
        self._registries = TableFile(settings.registry_config, table_of)
        self._pulls = PullLimiter(process.runtime, self._longest_window)
        fetcher = Fetcher(
            client,
            blobs,
            settings.pod.namespace,
            settings.registry_policy,
            self._registries,
            {"Rulesfile": settings.most_rules_bytes, "Plugin": settings.most_plugin_bytes},
            process.clock,
            self._pulls,
            metrics,
        )
        self.labels = NodeLabels(store, settings.pod.node, self.known)
        """The labels of the Node, by which artifacts select it."""
        self._services = NodeServices(
            store,
            state,
            fetcher,
            self.labels.current,
            settings.validation,
            settings.signature_modes,
        )
        self.supervisor = RegisteredChild("artifacts", self._make_supervisor)
        """The supervisor of the actors."""
        self.follower = RegisteredChild("registries", self._make_follower)
        """Follows the table of registries, and wakes all artifacts when it changes."""

    def existing(self) -> Iterable[ObjectRef]:
        """The artifacts that exist."""
        return (snapshot.ref for kind in ARTIFACTS for snapshot in self._store.of_kind(kind))

    def known(self) -> Iterable[ObjectRef]:
        """The artifacts that exist and those that still have an actor, each once."""
        return dict.fromkeys([*self.existing(), *self.supervisor.actor.refs])

    def lost(self, slots: Iterable[SlotId]) -> None:
        """Have the content of these slots fetched again."""
        for kind, name in {(slot.kind, slot.name) for slot in slots}:
            if self.supervisor.started is not None:
                ref = ObjectRef(kind, self._settings.pod.namespace, name)
                self.supervisor.started.deliver(ref, Reconcile(Reason(Cause.LOST)))

    def population(self) -> list[Population]:
        """The number of parked artifacts and of waiting messages."""
        started = self.supervisor.started
        return [Population("artifacts", started.parked, started.mail)] if started else []

    def _longest_window(self) -> float:
        """Seconds that a pull waits at most, shorter while Falco waits for it to start."""
        most = self._settings.pull_window
        return most if self._state.gate_opened else min(most, self._settings.gate_deadline / 2)

    def _make_supervisor(self) -> DynamicSupervisor:
        return DynamicSupervisor(
            self._runtime,
            "artifacts",
            lambda ref: self._actor(ref).launch(),
            self._version_of,
            lambda ref, error: self._actor(ref).tell_parked(error),
            intensity=OBJECT_INTENSITY,
            backoff=RESTART_BACKOFF,
        )

    def _actor(self, ref: ObjectRef) -> NodeArtifactActor:
        return NodeArtifactActor(self._runtime, ref, self._services)

    def _version_of(self, ref: ObjectRef) -> Hashable | None:
        snapshot = self._store.get(ref)
        return version_of(snapshot) if snapshot else None

    def _make_follower(self) -> TableFollower:
        def changed() -> None:
            self._pulls.release()
            self._announce(Notice(tuple(self.known()), Reason(Cause.REGISTRIES)))

        return TableFollower(self._runtime, self._registries, changed)
