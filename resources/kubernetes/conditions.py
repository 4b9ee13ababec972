"""Conditions: set so that equal findings make equal lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resources.kubernetes.meta import Condition, timestamp

if TYPE_CHECKING:
    from datetime import datetime

RECONCILED = "Reconciled"
AVAILABLE = "Available"
RESOLVED_REFS = "ResolvedRefs"
PROGRAMMED = "Programmed"

_ORDER = {name: at for at, name in enumerate((RECONCILED, AVAILABLE, RESOLVED_REFS, PROGRAMMED))}


class ConditionDraft(NamedTuple):
    """What is found out about one aspect, before it is known whether that is news."""

    type: str
    status: str
    reason: str
    message: str
    generation: int | None


def condition(conditions: tuple[Condition, ...] | None, name: str) -> Condition | None:
    """The condition of this type, if it was ever set."""
    return next((known for known in conditions or () if known.type == name), None)


def set_condition(
    conditions: tuple[Condition, ...] | None, finding: ConditionDraft, now: datetime
) -> tuple[Condition, ...]:
    """The conditions with this one, in fixed order; its time moves only when its status does."""
    before = condition(conditions, finding.type)
    since = before.last_transition_time if before and before.status == finding.status else None
    new = Condition(
        type=finding.type,
        status=finding.status,
        reason=finding.reason,
        message=finding.message,
        observed_generation=finding.generation,
        last_transition_time=since or timestamp(now),
    )
    others = [known for known in conditions or () if known.type != finding.type]
    return tuple(sorted((*others, new), key=_position))


def _position(known: Condition) -> tuple[int, str]:
    return _ORDER.get(known.type, len(_ORDER)), known.type


PARKED = "ActorParked"
