"""Conditions: set so that equal findings make equal lists."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from resources.kubernetes.meta import Condition

if TYPE_CHECKING:
    from collections.abc import Mapping

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


class Counts(NamedTuple):
    """Where a status counts: in these fields, and in the message of the condition of this type."""

    fields: frozenset[str]
    condition_type: str

    def only_differ(self, status: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
        """Whether two statuses, given as JSON, are equal but for counts."""
        return self._without_counts(status) == self._without_counts(other)

    def _without_counts(self, status: Mapping[str, Any]) -> dict[str, Any]:
        conditions = [
            {**known, "message": ""} if known["type"] == self.condition_type else known
            for known in status.get("conditions", [])
        ]
        kept = {field: value for field, value in status.items() if field not in self.fields}
        return {**kept, "conditions": conditions}


def timestamp(now: datetime) -> str:
    """A time as the API server spells it: another spelling of the same time would be a write."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


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
