"""What is observed of a cluster, as small values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from resources.artifact.rollout import Subject
from resources.kubernetes.reference import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resources.artifact.rollout import ReportEntry, UnlistedEntries


class Condition(NamedTuple):
    """A condition; `is_current`: it speaks of the newest generation. `since` is in seconds."""

    status: str
    reason: str
    message: str
    is_current: bool
    since: float


class Meta(NamedTuple):
    """The metadata of an object; times are in seconds since the epoch, 0 if unknown.

    `changed`: when anything but its status was changed last. `deleted`: when its deletion was asked
    for, 0 if it was not. `owner` is the uid of its controller.
    """

    ref: ObjectRef
    uid: str = ""
    generation: int = 0
    created: float = 0.0
    changed: float = 0.0
    deleted: float = 0.0
    finalizers: tuple[str, ...] = ()
    owner: str = ""


class Instance(NamedTuple):
    """A Falco or Component; `workload` is the kind that runs it."""

    meta: Meta
    conditions: Mapping[str, Condition]
    observed: int
    workload: str
    version: str = ""
    desired: int | None = None
    available: int | None = None

    @property
    def child(self) -> ObjectRef:
        """Its workload."""
        return ObjectRef(self.workload, self.meta.ref.namespace, self.meta.ref.name)


class Artifact(NamedTuple):
    """A Rulesfile, Plugin or Config; `source` says where its content is from.

    `names` are the Secrets and ConfigMaps that it names.
    """

    meta: Meta
    conditions: Mapping[str, Condition]
    observed: int
    source: str = ""
    subject: Subject = Subject("", "")
    digest: str = ""
    names: frozenset[ObjectRef] = frozenset()


class Workload(NamedTuple):
    """A DaemonSet or Deployment, as the API server has it."""

    meta: Meta
    raw: dict[str, Any]


class End(NamedTuple):
    """How a container has ended."""

    reason: str
    exit_code: int
    message: str
    at: float


class Container(NamedTuple):
    """A container of a pod; `waiting` is the reason for which it does not run, else empty."""

    name: str
    is_ready: bool
    is_running: bool
    waiting: str = ""
    message: str = ""
    ended: End | None = None
    restarts: int = 0


class Pod(NamedTuple):
    """A pod of a Falco or Component, which `owner` names; `has_sidecar` is of its spec.

    `workload` is the kind of what makes it.
    """

    meta: Meta
    owner: ObjectRef
    workload: str = "DaemonSet"
    node: str = ""
    phase: str = ""
    reason: str = ""
    message: str = ""
    unscheduled: str = ""
    is_ready: bool = False
    has_sidecar: bool = False
    containers: tuple[Container, ...] = ()

    @property
    def way(self) -> tuple[ObjectRef, ...]:
        """The chain of objects from the Falco or Component to the pod."""
        return (self.owner, self.owner._replace(kind=self.workload), self.meta.ref)


class Taint(NamedTuple):
    """A taint of a node."""

    key: str
    value: str
    effect: str

    def __str__(self) -> str:
        value = f"={self.value}" if self.value else ""
        return f"{self.key}{value}:{self.effect}"


class Node(NamedTuple):
    """A node; `trouble` says why it is not ready, empty if it is.

    `created` is in seconds since the epoch.
    """

    name: str
    labels: Mapping[str, str]
    taints: tuple[Taint, ...] = ()
    trouble: str = ""
    created: float = 0.0


class Report(NamedTuple):
    """The NodeReport of a pod; `entries` are by uid of the artifact."""

    pod_uid: str
    node: str
    version: str = ""
    entries: Mapping[str, ReportEntry] = {}
    unlisted: tuple[UnlistedEntries, ...] = ()


class Happening(NamedTuple):
    """A warning Event about an object, by uid."""

    uid: str
    reason: str
    note: str
    at: float


class Lease(NamedTuple):
    """The Lease of the operators; `holder` is empty if nobody leads."""

    ref: ObjectRef
    holder: str
    renewed: float
    seconds: int


@dataclass(frozen=True, slots=True)
class Observation:
    """All that was observed at the moment `now`, in seconds since the epoch.

    `nodes` is None if they could not be read, and so is `operators`: the Deployments of operators,
    whose pods are `operator_pods`. `missing` are kinds whose CRD is missing. `reports` are by
    uid of their pod. `references` are the Secrets and ConfigMaps that artifacts name, as far as
    they could be read. Without `has_workloads` or `has_reports` these could not be read.
    """

    now: float
    instances: tuple[Instance, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    workloads: Mapping[ObjectRef, Workload] = field(default_factory=dict)
    pods: tuple[Pod, ...] = ()
    nodes: Mapping[str, Node] | None = None
    reports: Mapping[str, Report] = field(default_factory=dict)
    happenings: tuple[Happening, ...] = ()
    operators: tuple[Workload, ...] | None = None
    operator_pods: tuple[Pod, ...] = ()
    leases: tuple[Lease, ...] = ()
    missing: tuple[str, ...] = ()
    references: tuple[Meta, ...] = ()
    has_workloads: bool = True
    has_reports: bool = True
