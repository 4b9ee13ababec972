"""The status of a Rulesfile, Plugin or Config, from what is resolved and what nodes report."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec.json import Decoder

from resources.artifact.fields import ArtifactStatus, Nodes, Resolved
from resources.artifact.nodereport import ReportState
from resources.artifact.reasons import (
    INSTALLED,
    LOADED_BY_FALCO,
    NO_NODES,
    NOT_LOADED,
    NOT_PROGRAMMED,
    PENDING,
    REFERENCE_FAILED,
    RESOLVED,
)
from resources.artifact.rollout import NAMED
from resources.kubernetes.conditions import (
    LOADED,
    PARKED,
    PROGRAMMED,
    RESOLVED_REFS,
    ConditionDraft,
    Counts,
    condition,
    seen,
    set_condition,
)
from resources.kubernetes.event import bounded
from resources.kubernetes.meta import timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from resources.artifact.resolution import ResolutionFailure
    from resources.artifact.rollout import Sum
    from resources.kubernetes.meta import ObjectMeta

FIELD_MANAGER = "artifact-controller"


class _PodCounts(Counts):
    """Failures are no mere counts as long as the message names every one of them."""

    def only_differ(self, status: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
        is_same = _named_failures(status) == _named_failures(other)
        return is_same and super().only_differ(status, other)


COUNTS = _PodCounts(frozenset({"nodes"}), frozenset({PROGRAMMED, LOADED}))
"""Where the status of an artifact counts pods."""

_GO_FINALIZER = re.compile(r"[a-z.]*artifact\.falcosecurity\.dev/finalizer-.+")
# The API server refuses any other reason of a condition; a NodeReport may contain any text.
_REASON = re.compile(r"[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?", re.ASCII)


class _Reported(msgspec.Struct, frozen=True):
    status: ArtifactStatus = ArtifactStatus()


class _ResolvedOnly(msgspec.Struct, frozen=True):
    resolved: msgspec.Raw = msgspec.Raw()


class _OfResolved(msgspec.Struct, frozen=True):
    status: _ResolvedOnly = _ResolvedOnly()


class _Installable(_OfResolved, frozen=True):
    spec: msgspec.Raw = msgspec.Raw()


_statuses = Decoder(_Reported)
_installable = Decoder(_Installable)
_resolutions = Decoder(_OfResolved)


class Observed(NamedTuple):
    """Everything that the status of an artifact is made from.

    `resolved` is what to publish, None while this generation is not resolved. `missing` holds a
    message for each missing reference; it is None while the references have not been looked up.
    """

    sum: Sum
    resolved: Resolved | None = None
    missing: tuple[str, ...] | None = None
    trouble: ResolutionFailure | None = None


def status_of(raw: bytes) -> ArtifactStatus:
    """The status of an artifact, also if its spec cannot be decoded."""
    return _statuses.decode(raw).status


def resolved_json(raw: bytes) -> bytes:
    """`status.resolved` of an artifact, undecoded; empty if there is none or no status in JSON."""
    try:
        return bytes(_resolutions.decode(raw).status.resolved)
    except (msgspec.DecodeError, RecursionError):
        return b""


def installable_json(raw: bytes) -> tuple[bytes, bytes] | None:
    """Spec and `status.resolved`, undecoded: a node acts on nothing else of an artifact's content.

    None if the artifact cannot be decoded that far.
    """
    try:
        artifact = _installable.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return None
    return bytes(artifact.spec), bytes(artifact.status.resolved)


def go_finalizers(meta: ObjectMeta) -> tuple[str, ...]:
    """Finalizers that the sidecars of the Go operator have left, one for each node."""
    return tuple(name for name in meta.finalizers or () if _GO_FINALIZER.fullmatch(name))


def status(
    before: ArtifactStatus, observed: Observed, generation: int | None, now: datetime
) -> ArtifactStatus:
    """The new status; equal to the one before if the same was observed."""
    conditions = seen(before.conditions, now)
    for draft in (
        _references(observed, generation),
        _programmed(observed, generation),
        _loaded(observed, generation),
    ):
        if draft is not None:
            conditions = set_condition(conditions, draft, now)
    total = observed.sum
    nodes = Nodes(
        desired=total.desired,
        programmed=total.programmed,
        failed=total.failed,
        pending=total.pending,
        unreachable=total.unreachable or None,
        loaded=total.loaded,
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
    """The status of an artifact whose actor crashed too often; only `Programmed` changes."""
    text = bounded(f"{error}: {message}")
    draft = ConditionDraft(PROGRAMMED, "Unknown", PARKED, text, generation)
    conditions = set_condition(seen(before.conditions, now), draft, now)
    return msgspec.structs.replace(before, conditions=conditions, observed_generation=generation)


def fields(status: ArtifactStatus) -> dict[str, Any]:
    """The status as JSON values, to be compared with the live object and applied."""
    values: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(status))
    return values


def is_programmed(status: ArtifactStatus) -> bool:
    """Whether the condition `Programmed` is true: every pod that is covered has the revision."""
    programmed = condition(status.conditions, PROGRAMMED)
    return programmed is not None and programmed.status == "True"


def _published(before: Resolved | None, resolved: Resolved | None, now: datetime) -> Any:
    """`status.resolved`, whose `resolvedAt` changes only if something else in it does."""
    if resolved is None:
        return before
    if before is not None:
        same = msgspec.structs.replace(resolved, resolved_at=before.resolved_at)
        if same == before:
            return before
    return msgspec.structs.replace(resolved, resolved_at=timestamp(now))


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
        return ConditionDraft(PROGRAMMED, *trouble, generation)
    remarks: tuple[str, ...] = ()
    if total.failed:
        state = "False", _reason(total), _failures(total)
    elif not total.desired:
        state = "Unknown", NO_NODES, _no_nodes(total)
    elif total.pending:
        state = "Unknown", PENDING, _waiting(total)
    elif not total.programmed:
        state = "Unknown", PENDING, "No pod can be reached"
    else:
        state = "True", INSTALLED, f"Installed on {pod_count(total.programmed)}"
        remarks = total.remarks
    status, reason, text = state
    message = "; ".join((text, *_out_of_reach(total), *remarks))
    return ConditionDraft(PROGRAMMED, status, reason, message, generation)


def _loaded(observed: Observed, generation: int | None) -> ConditionDraft:
    total, trouble = observed.sum, observed.trouble
    of_all = f"of {pod_count(total.desired)}"
    unknown = total.programmed - total.loaded - total.not_loaded
    proofs: tuple[str, ...] = ()
    if trouble is not None:
        state = "Unknown", trouble.reason, "Not installed yet, as the condition Programmed says"
    elif total.not_loaded:
        text = _by_message(total.refusals, total.not_loaded)
        state = "False", NOT_LOADED, f"Not loaded on {total.not_loaded} {of_all}: {text}"
    elif total.failed:
        state = "False", NOT_PROGRAMMED, f"Not installed on {total.failed} {of_all}"
    elif not total.desired:
        state = "Unknown", NO_NODES, _no_nodes(total)
    elif total.pending:
        state = "Unknown", PENDING, f"Not installed on {total.pending} {of_all} yet"
    elif total.doubts:
        text = "; ".join(doubt.message for doubt in total.doubts)
        reason = _usable(total.doubts[0].reason)
        state = "Unknown", reason, f"Not known of {unknown} {of_all}: {text}"
    elif unknown:
        state = "Unknown", PENDING, f"Falco has not loaded it yet on {unknown} {of_all}"
    elif not total.programmed:
        state = "Unknown", PENDING, "No pod can be reached"
    else:
        state = "True", LOADED_BY_FALCO, f"Loaded by Falco on {pod_count(total.loaded)}"
        proofs = total.proofs
    status, reason, text = state
    return ConditionDraft(LOADED, status, reason, "; ".join((text, *proofs)), generation)


def pod_count(count: int) -> str:
    """The number of pods for a message, as in "1 pod" and "3 pods"."""
    return f"{count} pod" if count == 1 else f"{count} pods"


def _named_failures(status: Mapping[str, Any]) -> int:
    failed: int = status.get("nodes", {}).get("failed", 0)
    return min(failed, NAMED)


def _reason(total: Sum) -> str:
    return _usable(total.failures[0].reason)


def _usable(reason: str) -> str:
    """The reason, if the API server takes it for a condition."""
    return reason if _REASON.fullmatch(reason) else ReportState.FAILED.value


def _failures(total: Sum) -> str:
    text = _by_message(((pod.node, pod.message) for pod in total.failures), total.failed)
    return f"Failed on {total.failed} of {pod_count(total.desired)}: {text}"


def _by_message(told: Iterable[tuple[str, str]], count: int) -> str:
    """A message in which nodes that tell the same are named together; `told` names some pods."""
    by_message: dict[str, dict[str, None]] = {}
    named = 0
    for node, message in told:
        by_message.setdefault(message, {})[node] = None
        named += 1
    texts = [f"{', '.join(names)}: {message}" for message, names in by_message.items()]
    if count > named:
        texts.append(f"and {pod_count(count - named)} more")
    return "; ".join(texts)


def _no_nodes(total: Sum) -> str:
    if total.pods:
        return "The selector covers no node of a Falco pod"
    return "There are no Falco pods in this namespace"


def _out_of_reach(total: Sum) -> Iterator[str]:
    """What a message adds of pods that cannot be reached, if there are any."""
    if not total.unreachable:
        return
    names = ", ".join(f"{pod} on {node}" for pod, node in total.out_of_reach)
    rest = total.unreachable - len(total.out_of_reach)
    suffix = f" and {rest} more" if rest else ""
    yield f"{pod_count(total.unreachable)} unreachable on nodes that are not ready: {names}{suffix}"


def _waiting(total: Sum) -> str:
    rest = total.pending - len(total.waiting)
    suffix = f" and {rest} more" if rest else ""
    names = ", ".join(total.waiting)
    return f"Waiting for {total.pending} of {total.desired} pods: {names}{suffix}"
