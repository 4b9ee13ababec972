"""What is known of a cluster, and what a check says of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from cli.output.severity import Severity, link_to
from resources.component import desired as component
from resources.component.spec import Component
from resources.falco import desired as falco
from resources.falco.spec import Falco
from resources.kubernetes.invalid_spec import InvalidSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from cli.cluster.snapshot import Object, Snapshot
    from resources.falco.desired import FalcoSettings
    from resources.instance.children import Child


class Level(IntEnum):
    """How a check ends, from good to bad."""

    GOOD = 0
    UNREAD = 1
    """What it looks at could not be read, or cannot be known."""
    DOUBTFUL = 2
    BAD = 3

    @property
    def word(self) -> str:
        """The name in JSON."""
        return _WORDS[self]


SEVERITIES = {Level.DOUBTFUL: Severity.WARNING, Level.BAD: Severity.ERROR}
"""Of the levels at which something was found."""
_WORDS = {
    Level.GOOD: "ok",
    Level.UNREAD: "unknown",
    Level.DOUBTFUL: "warning",
    Level.BAD: "error",
}


class Problem(NamedTuple):
    """One thing that is not as it should be, with its cause; `hint` is better than the check's."""

    level: Level
    text: str
    hint: str = ""


class Check(NamedTuple):
    """A question about the cluster; `title` says what holds if there is no problem.

    `needs` are the kinds without which it cannot be answered; `note` adds to the title.
    """

    code: str
    section: str
    title: str
    hint: str
    find: Callable[[Facts], Iterable[Problem]]
    needs: tuple[str, ...] = ()
    note: Callable[[Facts], str] | None = None

    @property
    def link(self) -> str:
        """Where it is explained."""
        return link_to(self.code)


class Result(NamedTuple):
    """A check with the problems that it has found, the worst first."""

    check: Check
    problems: tuple[Problem, ...]
    note: str = ""

    @property
    def level(self) -> Level:
        """That of the worst problem."""
        return max((problem.level for problem in self.problems), default=Level.GOOD)


class Right(NamedTuple):
    """What somebody may do: `resource` may have a subresource; the namespace is empty for all."""

    verb: str
    group: str
    resource: str
    namespace: str = ""

    def __str__(self) -> str:
        what = f"{self.resource}.{self.group}" if self.group else self.resource
        where = f" in namespace {self.namespace}" if self.namespace else ""
        return f"{self.verb} {what}{where}"


class Workload(NamedTuple):
    """The DaemonSet or Deployment of a Falco or Component, as it should be and as it is."""

    owner: Object
    child: Child
    live: Object | None

    def __str__(self) -> str:
        metadata = self.owner["metadata"]
        return f"{self.owner['kind']} {metadata['namespace']}/{metadata['name']}"

    @property
    def namespace(self) -> str:
        """The namespace of all of it."""
        return str(self.owner["metadata"]["namespace"])

    @property
    def template(self) -> Object:
        """The desired template of its pods."""
        template: Object = self.child.body["spec"]["template"]
        return template


@dataclass(frozen=True)
class Facts:
    """Everything that the checks look at.

    `missing` are the rights that the user lacks, of those that were asked for. `lease_later` is
    the Lease some seconds after the snapshot, where that looked old: clocks differ.
    """

    snapshot: Snapshot
    version: tuple[int, int]
    program: str
    """The version of this program."""
    settings: FalcoSettings
    """Those of the operator, as far as its Deployment tells them."""
    now: datetime
    operator_namespace: str
    missing: tuple[Right, ...] = ()
    unasked: str = ""
    """Why the user's rights are not known; empty if they are."""
    lease_later: Object | None = None

    @cached_property
    def workloads(self) -> list[Workload]:
        """Those of all Falcos and Components whose spec can be carried out."""
        owners = [*self.snapshot.of("Falco"), *self.snapshot.of("Component")]
        return [found for owner in owners for found in self._workloads_of(owner)]

    @cached_property
    def namespaces(self) -> dict[str, Object | None]:
        """The namespaces with a Falco or Component; None for those that could not be read."""
        names = {workload.namespace for workload in self.workloads}
        return {name: self.snapshot.get("Namespace", "", name) for name in sorted(names)}

    def _workloads_of(self, owner: Object) -> Iterator[Workload]:
        for child in children_of(owner, self.settings):
            if child.ref.kind in ("DaemonSet", "Deployment"):
                yield Workload(owner, child, self.snapshot.get(*child.ref))


def children_of(owner: Object, settings: FalcoSettings) -> tuple[Child, ...]:
    """The desired children of a Falco or Component; none if its spec cannot be carried out."""
    raw = msgspec.json.encode(owner)
    try:
        if owner["kind"] == "Component":
            resource = msgspec.json.decode(raw, type=Component)
            return component.desired(resource, settings.excluded_labels)
        return falco.desired(msgspec.json.decode(raw, type=Falco), settings)
    except (InvalidSpec, msgspec.DecodeError):
        return ()


def labels_of(one: Mapping[str, Any]) -> dict[str, str]:
    """The labels of an object."""
    return one["metadata"].get("labels") or {}


def containers_of(template: Mapping[str, Any]) -> list[Object]:
    """All containers of a pod template, those of the start first."""
    spec = template["spec"]
    return [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
