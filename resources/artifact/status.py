"""The status of a Rulesfile, Plugin or Config, from what is resolved and what nodes report."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec.json import Decoder

from resources.artifact.fields import ArtifactStatus, Nodes, Resolved
from resources.artifact.resolution import PENDING, REFERENCE_FAILED, ResolutionFailure
from resources.kubernetes.conditions import (
    PARKED,
    PROGRAMMED,
    RESOLVED_REFS,
    ConditionDraft,
    Counts,
    condition,
    set_condition,
    timestamp,
)
from resources.kubernetes.event import bounded

if TYPE_CHECKING:
    from datetime import datetime

    from resources.artifact.rollout import Sum
    from resources.kubernetes.meta import ObjectMeta

FIELD_MANAGER = "artifact-controller"
INVALID = "InvalidContent"
NO_NODES = "NoNodes"
RESOLVED = "ReferenceResolved"
INSTALLED = "Programmed"

COUNTS = Counts(frozenset({"nodes"}), PROGRAMMED)
"""Where the status of an artifact counts nodes."""

_GO_FINALIZER = re.compile(r"[a-z.]*artifact\.falcosecurity\.dev/finalizer-.+")
# What the API server takes for a reason; a node may send anything.
_REASON = re.compile(r"[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?", re.ASCII)
_FAILED = "Failed"


class _Reported(msgspec.Struct, frozen=True):
    status: ArtifactStatus = ArtifactStatus()


_statuses = Decoder(_Reported)


class Observed(NamedTuple):
    """What one look at an artifact found.

    `resolved` is what to publish, None while there is nothing of this generation; `missing` is None
    while nothing can be said of the references.
    """

    sum: Sum
    resolved: Resolved | None = None
    missing: tuple[str, ...] | None = None
    trouble: ResolutionFailure | None = None


def status_of(raw: bytes) -> ArtifactStatus:
    """The status of an artifact whose spec may not be readable."""
    return _statuses.decode(raw).status


def go_finalizers(meta: ObjectMeta) -> tuple[str, ...]:
    """Finalizers that the sidecars of the Go operator have left, one for each node."""
    return tuple(name for name in meta.finalizers or () if _GO_FINALIZER.fullmatch(name))


def status(
    before: ArtifactStatus, observed: Observed, generation: int | None, now: datetime
) -> ArtifactStatus:
    """The status as of now; the same for the same observations."""
    conditions = before.conditions
    for finding in (_references(observed, generation), _programmed(observed, generation)):
        if finding is not None:
            conditions = set_condition(conditions, finding, now)
    total = observed.sum
    nodes = Nodes(
        desired=total.desired,
        programmed=total.programmed,
        failed=total.failed,
        pending=total.pending,
        summary=f"{total.programmed}/{total.desired}",
    )
    return ArtifactStatus(
        observed_generation=generation,
        resolved=_published(before.resolved, observed.resolved, now),
        nodes=nodes,
        conditions=conditions,
    )


def parked_status(
    before: ArtifactStatus, error: str, message: str, generation: int | None, now: datetime
) -> ArtifactStatus:
    """The status once the actor has failed too often: its error, else as it was."""
    text = bounded(f"{error}: {message}")
    finding = ConditionDraft(PROGRAMMED, "Unknown", PARKED, text, generation)
    conditions = set_condition(before.conditions, finding, now)
    return msgspec.structs.replace(before, conditions=conditions, observed_generation=generation)


def fields(status: ArtifactStatus) -> dict[str, Any]:
    """The status as it stands in the resource, fit to be compared and applied."""
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(status))
    return found


def is_programmed(status: ArtifactStatus) -> bool:
    """Whether every node has installed what it was to install."""
    said = condition(status.conditions, PROGRAMMED)
    return said is not None and said.status == "True"


def _published(before: Resolved | None, now_resolved: Resolved | None, now: datetime) -> Any:
    """What nodes go by; with the time at which it was resolved to just that."""
    if now_resolved is None:
        return before
    if before is not None:
        same = msgspec.structs.replace(now_resolved, resolved_at=before.resolved_at)
        if same == before:
            return before
    return msgspec.structs.replace(now_resolved, resolved_at=timestamp(now))


def _references(observed: Observed, generation: int | None) -> ConditionDraft | None:
    if observed.missing is None:
        return None
    if observed.missing:
        text = bounded("; ".join(observed.missing))
        return ConditionDraft(RESOLVED_REFS, "False", REFERENCE_FAILED, text, generation)
    return ConditionDraft(
        RESOLVED_REFS, "True", RESOLVED, "All that is referred to is there", generation
    )


def _programmed(observed: Observed, generation: int | None) -> ConditionDraft:
    total, trouble = observed.sum, observed.trouble
    if trouble is not None:
        found = trouble
    elif total.failed:
        found = ResolutionFailure("False", _reason(total), _failures(total))
    elif not total.desired:
        found = ResolutionFailure("Unknown", NO_NODES, _nobody(total))
    elif total.pending:
        found = ResolutionFailure("Unknown", PENDING, _waiting(total))
    else:
        installed = f"Installed on {node_count(total.programmed)}"
        found = ResolutionFailure("True", INSTALLED, "; ".join((installed, *total.remarks)))
    return ConditionDraft(PROGRAMMED, *found, generation)


def node_count(count: int) -> str:
    """So many nodes, in words."""
    return f"{count} node" if count == 1 else f"{count} nodes"


def _reason(total: Sum) -> str:
    reason = total.failures[0].reason
    return reason if _REASON.fullmatch(reason) else _FAILED


def _failures(total: Sum) -> str:
    """Nodes that failed alike are named together."""
    by_message: dict[str, list[str]] = {}
    for failure in total.failures:
        by_message.setdefault(failure.message, []).append(failure.node)
    told = [f"{', '.join(names)}: {message}" for message, names in by_message.items()]
    rest = total.failed - len(total.failures)
    more = [f"and {node_count(rest)} more"] if rest else []
    return f"Failed on {total.failed} of {node_count(total.desired)}: {'; '.join(told + more)}"


def _nobody(total: Sum) -> str:
    if total.pods:
        return "The selector covers no node of a Falco pod"
    return "There are no Falco pods in this namespace"


def _waiting(total: Sum) -> str:
    rest = total.pending - len(total.waiting)
    more = f" and {rest} more" if rest else ""
    names = ", ".join(total.waiting)
    return f"Waiting for {total.pending} of {total.desired} pods: {names}{more}"
