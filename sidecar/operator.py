"""The artifact operator's composition root: one namespace's artifacts on one node."""

from __future__ import annotations

import os
import random
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pykka
import uvloop

from actors.api.client import METADATA, Client
from actors.api.configuration import BadConfiguration, configuration_of
from actors.api.transport import ANY_NUMBER, Transport
from actors.runtime.backoff import Backoff
from actors.runtime.clock import SystemClock
from actors.runtime.context import Runtime
from actors.runtime.mail import Reconcile
from actors.watch.router import Changed, Listed
from actors.watch.store import Store
from actors.watch.watcher import Source, Watcher
from actors.write.recorder import EventRecorder, Record
from resources.kubernetes.kinds import ARTIFACTS
from resources.kubernetes.reference import ObjectRef
from resources.node.check_request import Context
from resources.node.events import removals
from resources.rules.versions import engine_version
from sidecar.check.node_check import NodeCheck
from sidecar.node.artifact import LOST, NodeArtifactActor, NodeServices
from sidecar.node.fetcher import Fetcher
from sidecar.node.gate import Gate
from sidecar.node.installation import Installation
from sidecar.node.metrics import NodeMetrics
from sidecar.node.report import Reporter
from sidecar.node.router import NodeRouter
from sidecar.node.state import NodeState
from sidecar.settings import NodeSettings, parse
from sidecar.volume.disk import Disk
from sidecar.volume.volume import Volume
from supervisors.process import logs
from supervisors.process.endpoints import Endpoints
from supervisors.process.exposure import VERSION
from supervisors.process.metrics import Metrics
from supervisors.process.supervise import supervise
from supervisors.tree.child_spec import ChildSpec
from supervisors.tree.dynamic import DynamicSupervisor, Population
from supervisors.tree.intensity import Intensity
from supervisors.tree.supervisor import Strategy, Supervisor

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping

    from actors.runtime.ref import ActorRef
    from actors.watch.store import Change
    from resources.node.plan import PlannedSlot
    from resources.node.slots import SlotId

# One artifact may crash five times in ten minutes before it is parked; the process's own parts five
# times in one minute before the process ends and the kubelet starts it afresh.
_OBJECT_INTENSITY = Intensity(max_restarts=5, window_seconds=600.0)
_PART_INTENSITY = Intensity(max_restarts=5, window_seconds=60.0)
_RESTART_BACKOFF = Backoff(base=0.1, cap=30.0)


class ArtifactOperator:
    """All parts of one process, wired; the supervisor of the whole is at the root."""

    def __init__(self, settings: NodeSettings, configuration: Any) -> None:
        clock = SystemClock()
        self._settings = settings
        self._metrics = Metrics(VERSION, clock.monotonic)
        self._metrics.ask_for(self._population)
        self._node_metrics = NodeMetrics(lambda: clock.now().timestamp())
        self._metrics.add(self._node_metrics)
        # Not for secrets: jitter and the names of Events.
        self.runtime = Runtime(clock, random.Random(), self._metrics)  # noqa: S311
        self._transport = Transport(configuration, self._metrics)
        self._streams = Transport(configuration, self._metrics, ANY_NUMBER)
        self._client = Client(self._transport)
        self._store = Store()
        self._volume = Volume(settings.volume_root, Disk())
        self._contents = NodeState(self._tell_installation)
        namespace = settings.pod.namespace
        most_bytes = {
            "Rulesfile": settings.most_rules_bytes,
            "Plugin": settings.most_plugin_bytes,
        }
        fetcher = Fetcher(
            self._client, self._volume.blobs, namespace, most_bytes, clock, self._node_metrics
        )
        self._services = NodeServices(self._store, self._contents, fetcher, self._labels)
        self._context = Context(
            engine_version=engine_version(settings.falco_version),
            falco_version=settings.falco_version,
        )
        node = Source(
            "Node", representation=METADATA, field_selector=f"metadata.name={settings.pod.node}"
        )
        artifacts = (Source(kind, namespace=namespace) for kind in ARTIFACTS)
        self._sources = (node, *artifacts)
        self._node = ObjectRef("Node", "", settings.pod.node)
        self._known_labels: Mapping[str, str] = {}
        self._gate: Gate | None = None
        self._recorder: ActorRef[EventRecorder] | None = None
        self._installation: ActorRef[Installation] | None = None
        self._reporter: ActorRef[Reporter] | None = None
        self._artifacts: DynamicSupervisor | None = None
        self._router: NodeRouter | None = None
        endpoints = Endpoints(
            self.runtime,
            settings.exposed,
            self._metrics,
            self._waits_for,
            self._tree,
            self._waiting,
        )
        self.root = Supervisor(
            self.runtime,
            "artifact-operator",
            [*endpoints.specs(), *self._parts()],
            strategy=Strategy.REST_FOR_ONE,
            intensity=_PART_INTENSITY,
            backoff=_RESTART_BACKOFF,
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.close()
        await self._streams.close()

    # Audience of the watchers.

    def listed(self, kind: str) -> None:
        """Tell the router that the Store holds all of a kind."""
        self._tell_router(Listed(kind))

    def changed(self, change: Change) -> None:
        """Tell the router, but of a node only if it has other labels."""
        if change.ref.kind in ARTIFACTS or change.after is None or self._is_relabelled(change):
            self._tell_router(Changed(change.ref, change.after is None, ()))

    def _is_relabelled(self, change: Change) -> bool:
        before, after = change.before, change.after
        return before is None or after is None or before.meta.labels != after.meta.labels

    def _tell_router(self, message: Listed | Changed) -> None:
        assert self._router is not None, "whoever has something to tell is started after the router"
        self._router.actor_ref.tell(message)

    # The parts, each started anew when its supervisor says so.

    def _parts(self) -> list[ChildSpec]:
        return [
            ChildSpec("recorder", self._start_recorder),
            ChildSpec("report", self._start_reporter),
            ChildSpec("installation", self._start_installation),  # which first loads the volume
            ChildSpec("gate", self._start_gate),
            ChildSpec("artifacts", self._start_artifacts),
            ChildSpec("router", self._start_router),
            ChildSpec("watchers", self._start_watchers),
        ]

    def _start_recorder(self) -> ActorRef[EventRecorder]:
        # Events of a node are reported by the node (ARTIFACTS.md "Reasons and Events").
        node = self._settings.pod.node
        self._recorder = EventRecorder.start(self.runtime, self._client, node)
        return self._recorder

    def _start_gate(self) -> ActorRef[Gate]:
        self._gate = Gate(
            self.runtime,
            self._contents,
            self._settings.gate_deadline,
            lambda: self._router is not None and self._router.is_listed,
            self._volume,
        )
        return self._gate.launch()

    def _start_reporter(self) -> ActorRef[Reporter]:
        self._reporter = Reporter.start(
            self.runtime, self._client, self._settings.pod, self._contents, self._record
        )
        return self._reporter

    def _start_installation(self) -> ActorRef[Installation]:
        self._installation = Installation.start(
            self.runtime,
            self._store,
            self._contents,
            self._volume,
            NodeCheck(self._volume, self._context),
            self._installed,
            self._lost,
        )
        return self._installation

    def _start_artifacts(self) -> ActorRef[DynamicSupervisor]:
        self._artifacts = DynamicSupervisor(
            self.runtime,
            "artifacts",
            lambda ref: self._artifact(ref).launch(),
            self._version_of,
            lambda ref, error: self._artifact(ref).tell_parked(error),
            intensity=_OBJECT_INTENSITY,
            backoff=_RESTART_BACKOFF,
        )
        return self._artifacts.launch()

    def _artifact(self, ref: ObjectRef) -> NodeArtifactActor:
        return NodeArtifactActor(self.runtime, ref, self._services)

    def _start_router(self) -> ActorRef[NodeRouter]:
        assert self._artifacts is not None, "the artifacts are started before the router"
        artifacts = self._artifacts
        self._router = NodeRouter(
            self.runtime,
            self._store,
            [source.kind for source in self._sources],
            artifacts.deliver,
            lambda: artifacts.refs,
            self._all_listed,
        )
        return self._router.launch()

    def _start_watchers(self) -> ActorRef[Supervisor]:
        return Supervisor.start(
            self.runtime,
            "watchers",
            [ChildSpec(source.kind, self._watcher(source)) for source in self._sources],
            intensity=_PART_INTENSITY,
            backoff=_RESTART_BACKOFF,
        )

    def _watcher(self, source: Source) -> Any:
        clients = (self._client, self._streams)
        return lambda: Watcher.start(
            self.runtime, source, clients, self._store, self, self._metrics
        )

    # What the parts tell each other, and ask for.

    def _all_listed(self) -> None:
        """What vanished while nobody looked has no actor that could tell."""
        there = {one.ref for kind in ARTIFACTS for one in self._store.of_kind(kind)}
        self._contents.retain(there)
        self._tell_installation("listed")

    def _tell_installation(self, reason: str) -> None:
        """Nothing is installed, and nothing removed, before all that there is has been listed."""
        if self._router is not None and self._router.is_listed:
            _tell(self._installation, Reconcile(reason))

    def _installed(self, gone: tuple[PlannedSlot, ...]) -> None:
        self._node_metrics.installed(self._contents)
        _tell(self._reporter, Reconcile("installed"))
        _tell(self._gate.actor_ref if self._gate else None, Reconcile("installed"))
        for event in removals(gone, self._settings.pod.namespace, self._settings.pod.node):
            self._record(Record(*event))

    def _lost(self, slots: Iterable[SlotId]) -> None:
        """Have content fetched again."""
        for kind, name in {(slot.kind, slot.name) for slot in slots}:
            if self._artifacts is not None:
                ref = ObjectRef(kind, self._settings.pod.namespace, name)
                self._artifacts.deliver(ref, Reconcile(LOST))

    def _record(self, record: Record) -> None:
        _tell(self._recorder, record)

    def _labels(self) -> Mapping[str, str]:
        """Of the node; those it had last, should it be gone."""
        snapshot = self._store.get(self._node)
        if snapshot is not None:
            self._known_labels = snapshot.meta.labels or {}
        return self._known_labels

    def _version_of(self, ref: ObjectRef) -> Hashable | None:
        snapshot = self._store.get(ref)
        return (snapshot.meta.uid, snapshot.meta.resource_version) if snapshot else None

    def _tree(self) -> dict[str, Any]:
        return self.root.tree()

    def _waiting(self) -> tuple[str, ...]:
        return self.root.waiting()

    def _waits_for(self) -> str | None:
        return self._gate.waits_for if self._gate else "not started"

    def _population(self) -> list[Population]:
        crowd = self._artifacts
        return [Population("artifacts", crowd.parked, crowd.mail)] if crowd else []


def _tell(ref: ActorRef[Any] | None, message: object) -> None:
    """Tell whoever is there; one that is being restarted looks at everything when it is back."""
    if ref is not None:
        with suppress(pykka.ActorDeadError):
            ref.tell(message)


async def run(settings: NodeSettings) -> int:
    """Run until a signal comes or the tree gives up; return the exit code."""
    operator = ArtifactOperator(settings, await configuration_of(settings.kubeconfig))
    try:
        return await supervise(operator.root)
    finally:
        await operator.close()


def main() -> None:
    """Entry point of `artifact-operator`."""
    settings = parse(sys.argv[1:], os.environ)
    logs.configure(settings.log_level, settings.log_format)
    try:
        sys.exit(uvloop.run(run(settings)))
    except BadConfiguration as error:
        sys.exit(f"artifact-operator: {error}")
