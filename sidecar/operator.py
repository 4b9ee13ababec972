"""The sidecar's composition root: the artifacts of one namespace on one node."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from actors.api.client import METADATA
from actors.api.transport import Transport
from actors.registry.table_file import TableFile, TableFollower
from actors.runtime.mail import Reconcile
from actors.runtime.reason import Cause, Reason
from actors.watch.router import Notice, Router, Routes
from actors.watch.source import Source
from actors.watch.store import Store
from actors.write.recorder import Backlog, EventRecorder, Record
from resources.check.check_request import Context
from resources.kubernetes.kinds import ARTIFACTS
from resources.kubernetes.reference import ObjectRef
from resources.node.events import removals
from resources.registry.table import table_of
from sidecar.check.node_check import NodeCheck
from sidecar.check.pod_falco import PodFalco
from sidecar.check.verdicts import Verdicts
from sidecar.facts import sections
from sidecar.node.artifact import NodeArtifactActor, NodeServices, artifact_changed, version_of
from sidecar.node.falco_client import ask_falco
from sidecar.node.fetcher import Fetcher
from sidecar.node.gate import Gate
from sidecar.node.installation import Installation
from sidecar.node.labels import NodeLabels
from sidecar.node.loading import Loading
from sidecar.node.metrics import NodeMetrics
from sidecar.node.pull_limiter import PullLimiter
from sidecar.node.report import Reporter
from sidecar.node.state import FalcoIdentity, NodeState
from sidecar.settings import AUTO, OFF, NodeSettings, parse
from sidecar.volume.disk import Disk
from sidecar.volume.volume import Volume
from supervisors.process.program import run
from supervisors.tree.dynamic import DynamicSupervisor, Population
from supervisors.tree.intensity import OBJECT_INTENSITY, PART_INTENSITY, RESTART_BACKOFF
from supervisors.tree.registered_child import RegisteredChild
from supervisors.tree.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable

    from resources.check.check_request import WebServer
    from resources.node.falco_answer import FalcoAnswer
    from resources.node.plan import PlannedSlot
    from resources.node.slots import SlotId
    from supervisors.process.program import Process
    from supervisors.tree.child_spec import ChildSpec

# Seconds between two tries of a watch while no API server answers: every node comes back to it.
_LONGEST_WAIT = 30.0
# Seconds for the dry runs of one check; one takes 0.02 s, and with the official rules 0.5 to 2 s.
_DRY_RUN_SECONDS = 25.0


class ArtifactOperator:
    """The sidecar's parts, wired; `root` is the supervisor of them all."""

    def __init__(self, settings: NodeSettings, process: Process) -> None:
        self._settings = settings
        self._process = process
        self._runtime = process.runtime
        self._client = process.client(Transport(process.configuration, process.metrics))
        self._store = Store()
        self._metrics = NodeMetrics(lambda: process.clock.now().timestamp())
        self._volume = Volume(settings.volume_root, Disk())
        self._state = NodeState(
            self._tell_installation,
            FalcoIdentity(settings.pod.namespace, settings.falco_name, settings.falco_version),
            settings.load_deadline,
        )
        self._labels = NodeLabels(self._store, settings.pod.node, self._known_artifacts)
        self._registries = TableFile(settings.registry_config, table_of)
        self._follower = RegisteredChild("registries", self._make_follower)
        self._pulls = PullLimiter(self._runtime, self._longest_window)
        fetcher = Fetcher(
            self._client,
            self._volume.blobs,
            settings.pod.namespace,
            settings.registry_policy,
            self._registries,
            {"Rulesfile": settings.most_rules_bytes, "Plugin": settings.most_plugin_bytes},
            process.clock,
            self._pulls,
            self._metrics,
        )
        self._services = NodeServices(
            self._store,
            self._state,
            fetcher,
            self._labels.current,
            settings.validation,
            settings.signature_modes,
        )
        self._events = Backlog(self._runtime)
        self._recorder = RegisteredChild("recorder", self._make_recorder)
        self._reporter = RegisteredChild("report", self._make_reporter)
        self._installation = RegisteredChild("installation", self._make_installation)
        self._loading = RegisteredChild("loading", self._make_loading)
        self._gate = RegisteredChild("gate", self._make_gate)
        self._artifacts = RegisteredChild("artifacts", self._make_artifacts)
        self._router = RegisteredChild("router", lambda: Router(self._runtime, self._routes()))
        self._watchers = RegisteredChild("watchers", self._make_watchers)
        process.metrics.ask_for(self._population)
        process.show_missing(self._missing)
        process.metrics.add(self._metrics)
        self.root = process.root(
            "artifact-operator",
            settings.process,
            [child.spec for child in self._children()],
            self._waits_for,
            intensity=PART_INTENSITY,
            backoff=RESTART_BACKOFF,
            sections=sections(
                self._state, self._metrics, self._gate, self._artifacts, self._router
            ),
        )

    def _longest_window(self) -> float:
        """Seconds that a pull waits at most, shorter while Falco waits for it to start."""
        most = self._settings.pull_window
        return most if self._state.gate_opened else min(most, self._settings.gate_deadline / 2)

    def _children(self) -> list[RegisteredChild[Any]]:
        """In the order in which they are started."""
        return [
            self._recorder,
            self._reporter,
            self._installation,  # which first loads the volume
            self._loading,
            self._gate,
            self._artifacts,
            self._router,
            self._watchers,
        ]

    def _make_recorder(self) -> EventRecorder:
        # The reporting instance of these Events is the node.
        return EventRecorder(self._runtime, self._client, self._settings.pod.node, self._events)

    def _make_reporter(self) -> Reporter:
        return Reporter(
            self._runtime, self._client, self._settings.pod, self._state, self._events.add
        )

    def _make_installation(self) -> Installation:
        context = Context(falco_version=self._settings.falco_version)
        return Installation(
            self._runtime,
            self._store,
            self._state,
            self._volume,
            NodeCheck(
                self._volume,
                context,
                self._pod_falco(),
                Verdicts(self._settings.process.exposed.dump_directory),
                self._metrics.checked,
            ),
            self._settings.quiet,
            self._settings.validation,
            self._installed,
            self._lost,
        )

    def _make_loading(self) -> Loading:
        def told() -> None:
            self._reporter.tell(Reconcile(Reason(Cause.LOADED)))

        def renew() -> None:
            self._state.renewal_due = True
            self._tell_installation(Reason(Cause.NOT_LOADED))

        def learned() -> None:
            self._tell_installation(Reason(Cause.VERSIONS))

        def go_on() -> None:
            self._tell_installation(Reason(Cause.LOADED))

        ask = self._ask_falco()
        return Loading(self._runtime, self._state, ask, told, renew, learned, go_on)

    def _ask_falco(self) -> Callable[[WebServer], Awaitable[FalcoAnswer]] | None:
        where = self._settings.falco_web_server
        if where == OFF:
            return None
        if where == AUTO:
            return ask_falco
        return lambda server: ask_falco(replace(server, port=int(where)))

    def _pod_falco(self) -> PodFalco:
        settings = self._settings
        return PodFalco(
            settings.falco_image,
            settings.volume_root,
            settings.pod.node,
            self._dry_run_seconds,
            settings.only_image_libraries,
        )

    def _dry_run_seconds(self) -> float:
        """Seconds for dry runs of one check, of which the start of Falco waits for a part."""
        if self._state.gate_opened:
            return _DRY_RUN_SECONDS
        return min(_DRY_RUN_SECONDS, self._settings.gate_deadline / 3)

    def _make_gate(self) -> Gate:
        deadline = self._settings.gate_deadline
        return Gate(self._runtime, self._state, deadline, self._is_listed, self._volume)

    def _make_artifacts(self) -> DynamicSupervisor:
        return DynamicSupervisor(
            self._runtime,
            "artifacts",
            lambda ref: self._artifact(ref).launch(),
            self._version_of,
            lambda ref, error: self._artifact(ref).tell_parked(error),
            intensity=OBJECT_INTENSITY,
            backoff=RESTART_BACKOFF,
        )

    def _artifact(self, ref: ObjectRef) -> NodeArtifactActor:
        return NodeArtifactActor(self._runtime, ref, self._services)

    def _routes(self) -> Routes:
        return Routes(
            handlers={
                **dict.fromkeys(ARTIFACTS, (artifact_changed,)),
                "Node": (self._labels.node_changed,),
            },
            deliver=dict.fromkeys(ARTIFACTS, self._artifacts.actor.deliver),
            on_listed=self._all_listed,
        )

    def _make_watchers(self) -> Supervisor:
        namespace, node = self._settings.pod.namespace, self._settings.pod.node
        own_node = f"metadata.name={node}"
        sources = [
            Source(
                "Node",
                representation=METADATA,
                field_selector=own_node,
                longest_wait=_LONGEST_WAIT,
            ),
            *(Source(kind, namespace=namespace, longest_wait=_LONGEST_WAIT) for kind in ARTIFACTS),
        ]
        return Supervisor(
            self._runtime,
            "watchers",
            [*map(self._watcher, sources), self._follower.spec],
            intensity=PART_INTENSITY,
            backoff=RESTART_BACKOFF,
        )

    def _make_follower(self) -> TableFollower:
        def changed() -> None:
            self._pulls.release()
            refs = tuple(self._known_artifacts())
            self._router.actor.announce(Notice(refs, Reason(Cause.REGISTRIES)))

        return TableFollower(self._runtime, self._registries, changed)

    def _watcher(self, source: Source) -> ChildSpec:
        return self._process.watcher(source, self._client, self._store, lambda: self._router.actor)

    def _all_listed(self, _kinds: Collection[str]) -> list[Notice]:
        """Wake every artifact, and drop those that were deleted while the process was down."""
        self._state.retain(set(self._existing_artifacts()))
        self._tell_installation(Reason(Cause.LISTED))
        return [Notice(tuple(self._known_artifacts()), Reason(Cause.LISTED))]

    def _existing_artifacts(self) -> Iterable[ObjectRef]:
        return (snapshot.ref for kind in ARTIFACTS for snapshot in self._store.of_kind(kind))

    def _known_artifacts(self) -> Iterable[ObjectRef]:
        """Artifacts that exist and artifacts that still have an actor, each once."""
        return dict.fromkeys([*self._existing_artifacts(), *self._artifacts.actor.refs])

    def _is_listed(self) -> bool:
        return self._router.started is not None and self._router.started.is_listed

    def _tell_installation(self, reason: Reason) -> None:
        """Wake the installation, but never before all artifacts are listed."""
        if self._is_listed():
            self._installation.tell(Reconcile(reason))

    def _installed(self, removed: tuple[PlannedSlot, ...]) -> None:
        self._metrics.installed(self._state)
        for child in (self._reporter, self._loading, self._gate):
            child.tell(Reconcile(Reason(Cause.INSTALLED)))
        for event in removals(removed, self._settings.pod.namespace, self._settings.pod.node):
            self._events.add(Record(*event))

    def _lost(self, slots: Iterable[SlotId]) -> None:
        """Have the content of these slots fetched again."""
        for kind, name in {(slot.kind, slot.name) for slot in slots}:
            if self._artifacts.started is not None:
                ref = ObjectRef(kind, self._settings.pod.namespace, name)
                self._artifacts.started.deliver(ref, Reconcile(Reason(Cause.LOST)))

    def _version_of(self, ref: ObjectRef) -> Hashable | None:
        snapshot = self._store.get(ref)
        return version_of(snapshot) if snapshot else None

    def _waits_for(self) -> str | None:
        return self._gate.started.waits_for if self._gate.started else "not started"

    def _missing(self) -> tuple[str, ...]:
        return self._router.started.missing if self._router.started else ()

    def _population(self) -> list[Population]:
        supervisor = self._artifacts.started
        return [Population("artifacts", supervisor.parked, supervisor.mail)] if supervisor else []


def main() -> None:
    """Entry point of `artifact-operator`."""
    settings = parse(sys.argv[1:], os.environ)

    def compose(process: Process) -> Supervisor:
        return ArtifactOperator(settings, process).root

    run("artifact-operator", settings.process, compose)
