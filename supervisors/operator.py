"""The operator's composition root: the only place that knows all parts and all kinds."""

from __future__ import annotations

import os
import socket
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from actors.api.client import METADATA
from actors.api.configuration import SERVICE_ACCOUNT, BadConfiguration
from actors.api.transport import Transport
from actors.api.version_gate import VersionGate
from actors.artifact.reference_reader import ReferenceReader
from actors.instance.actor import InstanceServices
from actors.leader.election import LEASE, LeaderElection
from actors.leader.fence import Fence, FencedTransport
from actors.leader.identity import lasting_identity
from actors.leader.lease_client import LeaseClient
from actors.reference.index import ReferenceIndex
from actors.reference.reading_rights import ReadingRights
from actors.runtime.reason import Cause, Reason
from actors.watch.router import ChildRoutes, Needs, Notice, Router, Routes, resource_changed
from actors.watch.source import Source
from actors.watch.store import Store
from actors.write.recorder import Backlog, EventRecorder
from resources.artifact.references import FINALIZERS
from resources.falco.desired import FalcoSettings
from resources.instance.labels import MANAGED_BY, OPERATOR, OWNER_KIND
from resources.kubernetes.kinds import ARTIFACTS, CHILD_KINDS, INSTANCES, KINDS, OBSERVED, RESOURCES
from resources.kubernetes.reference import ObjectRef
from supervisors.artifacts import Artifacts
from supervisors.debug.facts import Section, section_of
from supervisors.instances import Instances
from supervisors.process.program import run
from supervisors.reference_protection import ReferenceProtection
from supervisors.registries import Registries
from supervisors.settings import Settings, parse
from supervisors.tree.intensity import OBJECT_INTENSITY, PART_INTENSITY, RESTART_BACKOFF
from supervisors.tree.registered_child import RegisteredChild
from supervisors.tree.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Collection

    from supervisors.process.program import Process
    from supervisors.tree.child_spec import ChildSpec
    from supervisors.tree.dynamic import DynamicSupervisor, Population

_CHILDREN = f"{MANAGED_BY}={OPERATOR}"
# The status of artifacts counts pods that are scheduled and not finished.
_RUNNING = "status.phase!=Succeeded,status.phase!=Failed,spec.nodeName!="
SOURCES = (
    *map(Source, RESOURCES),
    *(Source(kind, _CHILDREN) for kind in CHILD_KINDS),
    Source("NodeReport"),
    Source("Pod", f"{OWNER_KIND}=Falco", representation=METADATA, field_selector=_RUNNING),
    Source("Node", representation=METADATA),
)
# What the actors of a kind have to know. A Falco's Role names what the artifacts refer to; nothing
# of a kind is cleaned up while it is not known what there is of that kind.
_CHILDREN_OF, _PLACES = frozenset(CHILD_KINDS), frozenset({"Pod", "Node"})
_NEEDS = {
    "Falco": Needs(_CHILDREN_OF | {"Falco"}, frozenset(ARTIFACTS)),
    "Component": Needs(_CHILDREN_OF | {"Component"}),
    **{kind: Needs(_PLACES | {kind}, frozenset({"NodeReport"})) for kind in ARTIFACTS},
    **dict.fromkeys(FINALIZERS, Needs(frozenset(), frozenset(ARTIFACTS))),
}
# Seconds: a request about the Lease takes 5 at most.
LEASE_RESERVE = 6.0
_LIMITS = (OBJECT_INTENSITY, RESTART_BACKOFF)


class Operator:
    """The operator's parts, wired; `root` is the supervisor of them all."""

    def __init__(self, settings: Settings, process: Process) -> None:
        self._settings = settings
        self._process = process
        process.limit_reconciles(settings.most_reconciles)
        self._fence = Fence(process.clock)
        self._client = process.client(self._transport())
        self._store = Store()
        runtime = process.runtime
        self._instance_name = settings.pod_name or socket.gethostname()
        self._identity = self._own_identity() if settings.leader_elect else ""
        self._gate = RegisteredChild(
            "gate", lambda: VersionGate(runtime, self._client), stop_deadline=0.5
        )
        # It gives the Lease back, however long others take to stop.
        self._leader = RegisteredChild("leader", self._make_leader, reserve=LEASE_RESERVE)
        self._events = Backlog(runtime)
        self._recorder = RegisteredChild("recorder", self._make_recorder)
        self._router = RegisteredChild("router", lambda: Router(runtime, self._routes()))
        self._watchers = RegisteredChild("watchers", self._make_watchers)
        self._registries = Registries(
            runtime, process.metrics, settings.registry_config, self._registries_changed
        )
        index = ReferenceIndex()
        self._protection = self._reference_protection(index)
        self._instances = self._all_instances(index)
        self._artifacts = Artifacts(
            runtime,
            self._client,
            self._store,
            self._events.add,
            self._protection.store,
            self._announce,
            ReferenceReader(
                self._client, settings.registry_policy, self._registries.file, settings.namespace
            ),
            (settings.signature_modes, settings.trusted_root),
            _LIMITS,
        )
        process.metrics.ask_for(self._population)
        process.show_missing(self._missing)
        process.metrics.show_counts(
            "signature_verifications",
            "Verifications of signatures, by what they have led to.",
            "result",
            self._artifacts.verifications,
        )
        what = "1 if this process may write: it holds the Lease, or needs none."
        process.metrics.show_number("leader", what, self._leads)
        self.root = process.root(
            "operator",
            settings.process,
            [child.spec for child in self._children()],
            self._waits_for,
            intensity=PART_INTENSITY,
            backoff=RESTART_BACKOFF,
            remark=self._remark,
            sections=self._sections(),
        )

    def _reference_protection(self, index: ReferenceIndex) -> ReferenceProtection:
        rights = ReadingRights(self._process.clock, self._store, index, self._announce)
        return ReferenceProtection(
            self._process.runtime,
            (self._client, self._process.streams),
            self._process.metrics,
            index,
            self._announce,
            rights.changed,
            _LIMITS,
        )

    def _all_instances(self, index: ReferenceIndex) -> Instances:
        drift_corrected = self._process.metrics.drift_corrected
        settings = self._settings
        fixed = FalcoSettings(
            settings.artifact_operator_image,
            settings.excluded_labels,
            registry_policy=settings.registry_policy,
            exact_check=settings.exact_check,
            default_validation=settings.default_validation,
            signature_modes=settings.signature_modes,
            pull_window=settings.pull_window,
        )
        return Instances(
            self._process.runtime,
            InstanceServices(self._client, self._store, self._events.add, drift_corrected),
            lambda: replace(fixed, registries=self._registries.handed_on()),
            index.readable,
            _LIMITS,
        )

    def _children(self) -> list[RegisteredChild[Any]]:
        """In the order in which they are started."""
        return [
            self._gate,
            *([self._leader] if self._settings.leader_elect else []),
            self._recorder,
            *self._instances.supervisors.values(),
            self._artifacts.supervisor,
            self._protection.references,
            self._router,
            self._watchers,
        ]

    def _transport(self) -> Transport:
        configuration, metrics = self._process.configuration, self._process.metrics
        if not self._settings.leader_elect:
            return Transport(configuration, metrics)
        return FencedTransport(configuration, metrics, self._fence)

    def _make_recorder(self) -> EventRecorder:
        return EventRecorder(self._process.runtime, self._client, self._instance_name, self._events)

    def _own_identity(self) -> str:
        directory = self._settings.process.exposed.dump_directory
        return lasting_identity(directory, self._instance_name, self._process.runtime.random)

    def _make_leader(self) -> LeaderElection:
        # Leases use the connections of watches, so that many writes at once cannot delay a renewal.
        lease = ObjectRef("Lease", self._settings.namespace, LEASE)
        leases = LeaseClient(self._process.streams, lease)
        return LeaderElection(self._process.runtime, leases, self._fence, self._identity)

    def _routes(self) -> Routes:
        children = ChildRoutes(self._store)
        return Routes(
            handlers={
                **dict.fromkeys(INSTANCES, (resource_changed,)),
                **dict.fromkeys(
                    ARTIFACTS, (self._protection.routes.artifact_changed, resource_changed)
                ),
                **dict.fromkeys(CHILD_KINDS, (children.child_changed,)),
                **dict.fromkeys(OBSERVED, (self._artifacts.observed_changed,)),
            },
            deliver={
                **{
                    kind: supervisor.actor.deliver
                    for kind, supervisor in self._instances.supervisors.items()
                },
                **dict.fromkeys(ARTIFACTS, self._artifacts.supervisor.actor.deliver),
                **dict.fromkeys(FINALIZERS, self._protection.references.actor.deliver),
            },
            on_listed=lambda kinds: self._all_listed(children, kinds),
            needs=_NEEDS,
        )

    def _all_listed(self, children: ChildRoutes, kinds: Collection[str]) -> list[Notice]:
        if FINALIZERS.keys() & kinds:
            self._protection.artifacts_listed()
        return [*children.all_listed(), Notice(self._roll_call(), Reason(Cause.LISTED))]

    def _make_watchers(self) -> Supervisor:
        watchers = [self._watcher(source) for source in SOURCES]
        return Supervisor(
            self._process.runtime,
            "watchers",
            [
                *watchers,
                *self._protection.watchers(),
                self._artifacts.poller.spec,
                self._artifacts.checker.spec,
                self._artifacts.readiness.spec,
                self._registries.follower.spec,
            ],
            intensity=PART_INTENSITY,
            backoff=RESTART_BACKOFF,
        )

    def _registries_changed(self) -> None:
        """Have every Falco hand the table on, and every artifact asked for by it."""
        self._artifacts.registries_changed()
        supervisors = (self._instances.supervisors["Falco"], self._artifacts.supervisor)
        refs = tuple(ref for supervisor in supervisors for ref in supervisor.actor.refs)
        self._announce(Notice(refs, Reason(Cause.REGISTRIES)))

    def _watcher(self, source: Source) -> ChildSpec:
        store = self._artifacts.observed if source.kind in OBSERVED else self._store
        return self._process.watcher(source, self._client, store, lambda: self._router.actor)

    def _announce(self, notice: Notice) -> None:
        self._router.actor.announce(notice)

    def _roll_call(self) -> tuple[ObjectRef, ...]:
        """All objects that have an actor or need one, with those deleted without an event."""
        supervisors = (*self._instances.supervisors.values(), self._artifacts.supervisor)
        actors = (ref for supervisor in supervisors for ref in supervisor.actor.refs)
        return (*actors, *self._protection.roll_call())

    def _waits_for(self) -> str | None:
        """Why the operator is not ready; a standby is ready once it can read the Lease."""
        gate, leader, router = self._gate.started, self._leader.started, self._router.started
        if gate is None or gate.waits_for is not None:
            return gate.waits_for if gate else "not started"
        if leader is not None and leader.standby:
            return leader.waits_for
        return router.waits_for if router else "not started"

    def _leads(self) -> int:
        return int(self._fence.open or not self._settings.leader_elect)

    def _sections(self) -> list[Section]:
        return [
            section_of("leader", self._leader, "standby", "since", "holder", "transitions"),
            section_of("router", self._router, "waits for", "missing"),
            section_of("Events", self._recorder, "waiting"),
            Section("signature verifications", lambda: self._artifacts.verifications),
        ]

    def _missing(self) -> tuple[str, ...]:
        return self._router.started.missing if self._router.started else ()

    def _remark(self) -> str | None:
        names = [f"{KINDS[kind].plural}.{KINDS[kind].group}" for kind in self._missing()]
        missing = f"missing CRDs, to be applied: {', '.join(names)}" if names else ""
        return "; ".join(filter(None, (missing, self._registries.remark))) or None

    def _population(self) -> list[Population]:
        supervisors: list[tuple[RegisteredChild[DynamicSupervisor], tuple[str, ...]]] = [
            *((supervisor, (kind,)) for kind, supervisor in self._instances.supervisors.items()),
            (self._artifacts.supervisor, ARTIFACTS),
            (self._protection.references, tuple(FINALIZERS)),
        ]
        started = [(supervisor.started, kinds) for supervisor, kinds in supervisors]
        return [
            count
            for supervisor, kinds in started
            if supervisor
            for count in supervisor.population(*kinds)
        ]


def main() -> None:
    """Entry point of `falco-operator`."""
    settings = parse(sys.argv[1:], os.environ)

    def compose(process: Process) -> Supervisor:
        return Operator(_with_namespace(settings), process).root

    run("falco-operator", settings.process, compose)


def _with_namespace(settings: Settings) -> Settings:
    """The settings with the ServiceAccount's namespace, if the Lease or the table needs one.

    Raises BadConfiguration.
    """
    if settings.namespace or not (settings.leader_elect or settings.registry_config):
        return settings
    file = SERVICE_ACCOUNT / "namespace"
    try:
        return replace(settings, namespace=file.read_text().strip())
    except OSError as error:
        if not settings.leader_elect:
            return settings
        raise BadConfiguration(f"--leader-elect needs POD_NAMESPACE or {file}: {error}") from error
