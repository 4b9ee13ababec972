"""What the conditions of a Falco or Component say, and what is wrong with any resource of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.output.severity import Severity
from cli.output.words import named
from cli.status import codes
from cli.status.finding import Finding, finding
from resources.artifact import reasons
from resources.instance import outcome
from resources.kubernetes.conditions import (
    AVAILABLE,
    LOADED,
    PARKED,
    PROGRAMMED,
    RECONCILED,
    RESOLVED_REFS,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cli.observed.facts import Artifact, Condition, Instance, Meta

# Seconds. What an operator that works takes for the first status after a change, and for the end
# of a deletion.
BEHIND = 30.0
_DELETES = 60.0
# What a workload that is well takes to become available.
_STARTS = 120.0
_WARNING = "; warning: "
UNASKED = frozenset(
    {reasons.WEB_SERVER_OFF, reasons.METRICS_OFF, reasons.TOO_OLD, reasons.NOT_ASKED}
)
"""Reasons of Loaded for which nobody will ever know it."""

# Conditions that become true by themselves where all is well.
_GOALS = frozenset({RECONCILED, AVAILABLE, RESOLVED_REFS, PROGRAMMED, LOADED})

_BY_REASON = {
    outcome.INVALID: codes.SPEC_REFUSED,
    outcome.ERROR_ON_CREATE: codes.CHILD_REFUSED,
    outcome.ERROR_ON_UPDATE: codes.CHILD_REFUSED,
    outcome.NAME_CONFLICT: codes.NAME_TAKEN,
    outcome.DRIFT: codes.DRIFT,
    outcome.PAUSED: codes.PAUSED,
    PARKED: codes.PARKED,
}


def of_instance(instance: Instance) -> Iterator[Finding]:
    """What the condition Reconciled of a Falco or Component says of its newest generation."""
    known = instance.conditions.get(RECONCILED)
    if known is None or not known.is_current:
        return
    chain = (instance.meta.ref,)
    if known.status != "True":
        code = _BY_REASON.get(known.reason, codes.CONDITION)
        yield finding(code, chain, known.message or known.reason)
    elif _WARNING in known.message:
        yield finding(codes.AS_NOT_MEANT, chain, known.message.partition(_WARNING)[2])


def of_availability(instance: Instance, found: Iterable[Finding], now: float) -> Iterator[Finding]:
    """What the condition Available says, unless something that was found explains it."""
    known = instance.conditions.get(AVAILABLE)
    if known is None or not known.is_current or known.status == "True":
        return
    if now - max(known.since, instance.meta.changed) < _STARTS:
        return
    is_explained = any(
        one.code.severity > Severity.INFO and instance.meta.ref in one.chain for one in found
    )
    if not is_explained:
        yield finding(codes.UNAVAILABLE, (instance.meta.ref, instance.child), known.message)


def of_deletion(meta: Meta, now: float) -> Iterator[Finding]:
    """A deletion that has been asked for, and does not end."""
    if not meta.deleted or now - meta.deleted < _DELETES:
        return
    if not meta.finalizers:
        cause = "it is to be deleted in the foreground, and objects that it owns are left"
    else:
        cause = f"it is held by the finalizers {', '.join(meta.finalizers)}"
    yield finding(codes.DELETION_STUCK, (meta.ref,), f"{cause}, more than a minute after")


def is_underway(resource: Instance | Artifact) -> bool:
    """Whether a resource of which nothing is wrong is not as it should be yet."""
    return any(
        not known.is_current or (name in _GOALS and known.status != "True" and _may_come(known))
        for name, known in resource.conditions.items()
    )


def is_behind(resource: Instance | Artifact, now: float) -> bool:
    """Whether the operator has had time to act on the newest generation, and has not."""
    conditions: Sequence[Condition] = tuple(resource.conditions.values())
    is_seen = resource.observed >= resource.meta.generation and any(
        known.is_current for known in conditions
    )
    return not is_seen and now - resource.meta.changed > BEHIND


def _may_come(known: Condition) -> bool:
    """Whether a goal is not out of reach by what the user has chosen."""
    return known.reason not in UNASKED


def behind_text(resources: Sequence[Instance | Artifact]) -> str:
    """Which resources the operator has not acted on."""
    return named(
        f"{one.meta.ref} (generation {one.meta.generation}, seen {one.observed})"
        for one in resources
    )
