"""Conditions of a custom resource: equal drafts always make equal lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from resources.kubernetes.meta import Condition, timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

RECONCILED = "Reconciled"
AVAILABLE = "Available"
RESOLVED_REFS = "ResolvedRefs"
VERIFIED = "Verified"
PROGRAMMED = "Programmed"
LOADED = "Loaded"
COMPATIBLE = "Compatible"

PARKED = "ActorParked"
"""The reason of a condition whose actor has crashed too often and is not restarted."""

UNSEEN_SINCE = "1970-01-01T00:00:00Z"
"""The transition time of the conditions of a resource that the operator has not seen yet."""

_ORDERED = (RECONCILED, AVAILABLE, RESOLVED_REFS, VERIFIED, PROGRAMMED, LOADED, COMPATIBLE)
_ORDER = {name: at for at, name in enumerate(_ORDERED)}


class ConditionDraft(NamedTuple):
    """A condition before it has a transition time, which depends on the condition it replaces."""

    type: str
    status: str
    reason: str
    message: str
    generation: int | None


class Counts(NamedTuple):
    """Where a status counts: in these fields, and in the messages of conditions of these types."""

    fields: frozenset[str]
    condition_types: frozenset[str]

    def only_differ(self, status: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
        """Whether two statuses, given as JSON, are equal but for counts."""
        return self._without_counts(status) == self._without_counts(other)

    def _without_counts(self, status: Mapping[str, Any]) -> dict[str, Any]:
        conditions = [
            {**known, "message": ""} if known["type"] in self.condition_types else known
            for known in status.get("conditions", [])
        ]
        kept = {field: value for field, value in status.items() if field not in self.fields}
        return {**kept, "conditions": conditions}


def condition(conditions: tuple[Condition, ...] | None, name: str) -> Condition | None:
    """The condition of this type; None if it was never set."""
    return next((known for known in conditions or () if known.type == name), None)


def set_condition(
    conditions: tuple[Condition, ...] | None, draft: ConditionDraft, now: datetime
) -> tuple[Condition, ...]:
    """The conditions with the drafted one set, in a fixed order.

    `lastTransitionTime` becomes `now` only if the status of that condition changes.
    """
    before = condition(conditions, draft.type)
    since = before.last_transition_time if before and before.status == draft.status else None
    new = Condition(
        type=draft.type,
        status=draft.status,
        reason=draft.reason,
        message=draft.message,
        observed_generation=draft.generation,
        last_transition_time=since or timestamp(now),
    )
    others = [known for known in conditions or () if known.type != draft.type]
    return tuple(sorted((*others, new), key=_position))


def unseen(*names: str) -> tuple[Condition, ...]:
    """The conditions from the first moment: the API server sets them, as a default of the CRD."""
    return tuple(
        Condition(
            type=name,
            status="Unknown",
            reason="Pending",
            message="Waiting for the operator",
            last_transition_time=UNSEEN_SINCE,
            observed_generation=0,
        )
        for name in names
    )


def seen(conditions: tuple[Condition, ...] | None, now: datetime) -> tuple[Condition, ...]:
    """The conditions; those that the API server has set by default begin now."""
    return tuple(
        msgspec.structs.replace(known, last_transition_time=timestamp(now))
        if known.last_transition_time == UNSEEN_SINCE
        else known
        for known in conditions or ()
    )


def _position(known: Condition) -> tuple[int, str]:
    return _ORDER.get(known.type, len(_ORDER)), known.type
