"""The status of a Rulesfile, Plugin or Config, from what is resolved and what nodes report."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec.json import Decoder

from resources.artifact.fields import ArtifactStatus, Nodes, Resolved
from resources.artifact.reasons import REFERENCE_FAILED, RESOLVED
from resources.artifact.rollout import NAMED
from resources.artifact.summary import summed_up
from resources.kubernetes.conditions import (
    COMPATIBLE,
    LOADED,
    PARKED,
    PROGRAMMED,
    RESOLVED_REFS,
    VERIFIED,
    ConditionDraft,
    Counts,
    condition,
    seen,
    set_condition,
)
from resources.kubernetes.event import bounded
from resources.kubernetes.meta import timestamp
from resources.signatures.standing import condition_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from resources.artifact.resolution import ResolutionFailure
    from resources.artifact.rollout import Sum
    from resources.kubernetes.meta import ObjectMeta
    from resources.signatures.standing import Standing

FIELD_MANAGER = "artifact-controller"


class _PodCounts(Counts):
    """Failures are no mere counts as long as the message names every one of them."""

    def only_differ(self, status: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
        is_same = _named_failures(status) == _named_failures(other)
        return is_same and super().only_differ(status, other)


COUNTS = _PodCounts(frozenset({"nodes"}), frozenset({PROGRAMMED, LOADED, COMPATIBLE}))
"""Where the status of an artifact counts pods."""

_GO_FINALIZER = re.compile(r"[a-z.]*artifact\.falcosecurity\.dev/finalizer-.+")


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
    `standing` is None if there is no artifact of a registry.
    `summaries` are the types of the conditions that sum up the pods.
    """

    sum: Sum
    summaries: tuple[str, ...]
    resolved: Resolved | None = None
    missing: tuple[str, ...] | None = None
    trouble: ResolutionFailure | None = None
    standing: Standing | None = None


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
    resolved = _published(before.resolved, observed.resolved, now)
    if observed.standing is None:
        conditions = tuple(known for known in conditions if known.type != VERIFIED)
    for draft in (
        _references(observed, generation),
        _verified(observed.standing, before, resolved, generation),
        *(
            summed_up(name, observed.sum, observed.trouble, generation)
            for name in observed.summaries
        ),
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
        resolved=resolved,
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


def _verified(
    standing: Standing | None,
    before: ArtifactStatus,
    resolved: Resolved | None,
    generation: int | None,
) -> ConditionDraft | None:
    if standing is None:
        return None
    known, published = condition(before.conditions, VERIFIED), None
    if resolved is not None:
        verified = resolved.verified
        is_verified = verified is not None and verified.digest == resolved.oci_digest
        published = resolved.oci_digest if is_verified or not standing.is_enforced else None
    return condition_of(standing, known, published, generation)


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


def _named_failures(status: Mapping[str, Any]) -> int:
    failed: int = status.get("nodes", {}).get("failed", 0)
    return min(failed, NAMED)
