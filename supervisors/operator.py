"""The instance operator's composition root: the one place that knows all parts and all kinds."""

from __future__ import annotations

import os
import random
import socket
import sys
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pykka
import uvloop

from actors.api.client import Client
from actors.api.configuration import SERVICE_ACCOUNT, BadConfiguration, configuration_of
from actors.api.transport import ANY_NUMBER, Transport
from actors.api.version_gate import VersionGate
from actors.instance.incarnation import Services
from actors.leader.election import LEASE, LeaderElection, identity_of
from actors.leader.fence import Fence, FencedTransport
from actors.leader.lease_client import LeaseClient
from actors.reference.reading_rights import ReadingRights
from actors.runtime.clock import SystemClock
from actors.runtime.context import Runtime
from actors.watch.router import Changed, Concerned, Listed, Router, changed
from actors.watch.store import Store
from actors.watch.watcher import Source, Watcher
from actors.write.recorder import EventRecorder, Record
from resources.artifact.references import FINALIZERS
from resources.falco.desired import FalcoSettings
from resources.instance.labels import MANAGED_BY, OPERATOR
from resources.kubernetes.kinds import ARTIFACTS, CHILD_KINDS, OBSERVED, RESOURCES
from resources.kubernetes.reference import ObjectRef
from supervisors import artifacts
from supervisors.artifacts import Artifacts
from supervisors.instances import Instances
from supervisors.process import logs
from supervisors.process.endpoints import Endpoints
from supervisors.process.exposure import VERSION
from supervisors.process.metrics import Metrics
from supervisors.process.supervise import supervise
from supervisors.reference_protection import ReferenceProtection
from supervisors.settings import Settings, parse
from supervisors.tree.child_spec import ChildSpec
from supervisors.tree.intensity import OBJECT_INTENSITY, PART_INTENSITY, RESTART_BACKOFF
from supervisors.tree.supervisor import Strategy, Supervisor

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from actors.runtime.ref import ActorRef
    from actors.watch.store import Change
    from supervisors.tree.dynamic import Population

_CHILDREN = f"{MANAGED_BY}={OPERATOR}"
SOURCES = (
    *map(Source, RESOURCES),
    *(Source(kind, _CHILDREN) for kind in CHILD_KINDS),
    *artifacts.SOURCES,
)


class Operator:
    """All parts of one process, wired; the supervisor of the whole is at the root."""

    def __init__(self, settings: Settings, configuration: Any) -> None:
        clock = SystemClock()
        self._settings = settings
        self._metrics = Metrics(VERSION, clock.monotonic)
        self._metrics.ask_for(self._population)
        # Not for secrets: jitter and the names of Events.
        self.runtime = Runtime(clock, random.Random(), self._metrics)  # noqa: S311
        self._fence = Fence(clock)
        self._transport = (
            FencedTransport(configuration, self._metrics, self._fence)
            if settings.leader_elect
            else Transport(configuration, self._metrics)
        )
        self._streams = Transport(configuration, self._metrics, ANY_NUMBER)
        self.client = Client(self._transport)
        self._store = Store()
        self._instance_name = settings.pod_name or socket.gethostname()
        self._identity = identity_of(self._instance_name, self.runtime.random)
        self._gate: VersionGate | None = None
        self._leader: LeaderElection | None = None
        self._recorder: ActorRef[EventRecorder] | None = None
        self._router: Router | None = None
        limits = (OBJECT_INTENSITY, RESTART_BACKOFF)
        self._protection = ReferenceProtection(
            self.runtime,
            (self.client, self._streams),
            self._metrics,
            self._tell_router,
            self._renamed,
            limits,
        )
        self._rights = ReadingRights(clock, self._store, self._protection.index, self._tell_router)
        self._instances = Instances(
            self.runtime,
            Services(self.client, self._store, self._record, self._metrics.drift_corrected),
            FalcoSettings(settings.artifact_operator_image, settings.excluded_labels),
            self._rights.of,
            limits,
        )
        self._artifacts = Artifacts(
            self.runtime,
            self.client,
            self._store,
            self._record,
            self._protection.scopes,
            self._tell_router,
            limits,
        )
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
            "operator",
            [*endpoints.specs(), *self._parts()],
            strategy=Strategy.REST_FOR_ONE,
            intensity=PART_INTENSITY,
            backoff=RESTART_BACKOFF,
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
        """Tell the router who is concerned by a change."""
        if change.ref.kind in OBSERVED:
            self._artifacts.changed(change)
            return
        if change.ref.kind in ARTIFACTS:
            self._protection.changed(change)
        self._tell_router(changed(change))

    def _renamed(self, targets: Collection[ObjectRef]) -> None:
        self._rights.changed(targets)

    def _tell_router(self, message: Listed | Changed | Concerned) -> None:
        """One that is being restarted tells everybody once it is back."""
        assert self._router is not None, "nobody has anything to tell before there was a router"
        with suppress(pykka.ActorDeadError):
            self._router.actor_ref.tell(message)

    # The parts, each started anew when its supervisor says so.

    def _parts(self) -> list[ChildSpec]:
        leader = ChildSpec("leader", self._start_leader)
        return [
            ChildSpec("gate", self._start_gate, stop_deadline=0.5),
            *([leader] if self._settings.leader_elect else []),
            ChildSpec("recorder", self._start_recorder),
            *self._instances.specs(),
            *self._artifacts.before_router(),
            *self._protection.before_router(),
            ChildSpec("router", self._start_router),
            *self._protection.after_router(),
            ChildSpec("watchers", self._start_watchers),
        ]

    def _start_gate(self) -> ActorRef[VersionGate]:
        self._gate = VersionGate(self.runtime, self.client)
        return self._gate.launch()

    def _start_leader(self) -> ActorRef[LeaderElection]:
        # Over the watches' pool: many writes at once must not hold up a renewal.
        leases = LeaseClient(self._streams, ObjectRef("Lease", self._settings.namespace, LEASE))
        self._leader = LeaderElection(self.runtime, leases, self._fence, self._identity)
        return self._leader.launch()

    def _start_recorder(self) -> ActorRef[EventRecorder]:
        self._recorder = EventRecorder.start(self.runtime, self.client, self._instance_name)
        return self._recorder

    def _start_router(self) -> ActorRef[Router]:
        kinds = [source.kind for source in SOURCES]
        deliver = self._instances.deliver
        deliver |= dict.fromkeys(ARTIFACTS, self._artifacts.deliver)
        deliver |= dict.fromkeys(FINALIZERS, self._protection.deliver)
        self._router = Router(self.runtime, self._store, kinds, deliver, self._roll_call)
        return self._router.launch()

    def _start_watchers(self) -> ActorRef[Supervisor]:
        return Supervisor.start(
            self.runtime,
            "watchers",
            [
                *(ChildSpec(source.kind, self._watcher(source)) for source in SOURCES),
                *self._artifacts.watchers(),
            ],
            intensity=PART_INTENSITY,
            backoff=RESTART_BACKOFF,
        )

    def _watcher(self, source: Source) -> Any:
        clients = (self.client, self._streams)
        store = self._artifacts.observed if source.kind in OBSERVED else self._store
        return lambda: Watcher.start(self.runtime, source, clients, store, self, self._metrics)

    # What the parts ask for.

    def _record(self, record: Record) -> None:
        # A recorder that is just being restarted loses an Event, not the actor that sent it.
        if self._recorder is not None:
            with suppress(pykka.ActorDeadError):
                self._recorder.tell(record)

    def _waits_for(self) -> str | None:
        """Why the operator is not ready; a standby is, once it can read the Lease."""
        if self._gate is None or self._gate.waits_for is not None:
            return self._gate.waits_for if self._gate else "not started"
        if self._leader is not None and self._leader.standby:
            return self._leader.waits_for
        return self._router.waits_for if self._router else "not started"

    def _roll_call(self) -> Iterable[ObjectRef]:
        """Whoever has an actor, or is to have one: some may have vanished without being told."""
        yield from self._instances.refs()
        yield from self._artifacts.refs()
        yield from self._protection.roll_call()

    def _tree(self) -> dict[str, Any]:
        return self.root.tree()

    def _waiting(self) -> tuple[str, ...]:
        return self.root.waiting()

    def _population(self) -> list[Population]:
        parts = (self._instances, self._artifacts, self._protection)
        return [count for part in parts for count in part.population()]


async def run(settings: Settings) -> int:
    """Run until a signal comes or the tree gives up; return the exit code."""
    if settings.leader_elect and not settings.namespace:
        settings = replace(settings, namespace=_own_namespace())
    operator = Operator(settings, await configuration_of(settings.kubeconfig))
    try:
        return await supervise(operator.root)
    finally:
        await operator.close()


def main() -> None:
    """Entry point of `falco-operator`."""
    settings = parse(sys.argv[1:], os.environ)
    logs.configure(settings.log_level, settings.log_format)
    try:
        sys.exit(uvloop.run(run(settings)))
    except BadConfiguration as error:
        sys.exit(f"falco-operator: {error}")


def _own_namespace() -> str:
    file = SERVICE_ACCOUNT / "namespace"
    try:
        return file.read_text().strip()
    except OSError as error:
        raise BadConfiguration(f"--leader-elect needs POD_NAMESPACE or {file}: {error}") from error
