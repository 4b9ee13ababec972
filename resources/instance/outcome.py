"""The outcome of one reconcile of a Falco or Component: its condition Reconciled, its Events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from resources.kubernetes.conditions import PARKED, RECONCILED, ConditionDraft
from resources.kubernetes.event import EventDraft, bounded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resources.kubernetes.managed_fields import Difference
    from resources.kubernetes.meta import Condition
    from resources.kubernetes.reference import ObjectRef

CREATED = "ResourceCreated"
UPDATED = "ResourceUpdated"
UP_TO_DATE = "ResourceUpToDate"
ERROR_ON_CREATE = "ApplyPatchErrorOnCreate"
ERROR_ON_UPDATE = "ApplyPatchErrorOnUpdate"
INVALID = "ApplyConfigurationError"
NAME_CONFLICT = "NameConflict"
PAUSED = "Paused"
DRIFT = "DriftDetected"

_WARNING = "; warning: "
_WORKLOADS = ("DaemonSet", "Deployment")


class Update(NamedTuple):
    """A child that was changed, and how it differed; `drift` if another manager had changed it."""

    ref: ObjectRef
    differences: tuple[Difference, ...]
    drift: bool = False


class Unstored(NamedTuple):
    """A child, and its fields that the API server did not store as they were applied."""

    ref: ObjectRef
    fields: tuple[str, ...]


class Failure(NamedTuple):
    """Why a child, or every child if `ref` is None, is not as desired.

    `reason` is one of ERROR_ON_CREATE, ERROR_ON_UPDATE, INVALID, NAME_CONFLICT, PAUSED and DRIFT.
    """

    reason: str
    message: str
    ref: ObjectRef | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The writes and failures of one reconcile; empty if every child was as desired.

    `unstored` is no failure: all else of these children is as desired. `warnings` are those of the
    children.
    """

    created: tuple[ObjectRef, ...] = ()
    updated: tuple[Update, ...] = ()
    pruned: tuple[ObjectRef, ...] = ()
    failures: tuple[Failure, ...] = ()
    unstored: tuple[Unstored, ...] = ()
    warnings: tuple[str, ...] = ()


def reconciled(
    outcome: Outcome, before: Condition | None, generation: int | None
) -> ConditionDraft:
    """The condition Reconciled; a reconcile that writes nothing keeps the reason and message.

    A success gives the warnings, among them which fields the API server did not store.
    """
    if outcome.failures:
        message = bounded("; ".join(map(_failure_text, outcome.failures)))
        reason = outcome.failures[0].reason
        # A paused resource is not compared, so whether it is as desired is unknown.
        status = "Unknown" if reason == PAUSED else "False"
        return ConditionDraft(RECONCILED, status, reason, message, generation)
    reason, message = _success(outcome, before)
    warned = bounded(f"{message}{_warning(outcome)}")
    return ConditionDraft(RECONCILED, "True", reason, warned, generation)


def parked(error: str, message: str, generation: int | None) -> ConditionDraft:
    """The condition Reconciled of a resource whose actor has crashed too often."""
    text = bounded(f"{error}: {message}")
    return ConditionDraft(RECONCILED, "False", PARKED, text, generation)


def events(outcome: Outcome, before: Condition | None) -> tuple[EventDraft, ...]:
    """Events of all writes, and of failures that the condition did not already report.

    `before` is the condition Reconciled as it was before this reconcile.
    """
    return (*_created(outcome), *_updated(outcome), *_pruned(outcome), *_failed(outcome, before))


def instance_deleted(ref: ObjectRef) -> EventDraft:
    """The Event for a resource whose cluster-scoped children are deleted."""
    return EventDraft("InstanceDeleted", "Normal", "Delete", f"Cleaned up after {ref}")


def deletion_failed(ref: ObjectRef, message: str) -> EventDraft:
    """The Event for a child that could not be deleted."""
    return EventDraft("DeletionError", "Warning", "Delete", bounded(f"{ref}: {message}"))


def _success(outcome: Outcome, before: Condition | None) -> tuple[str, str]:
    if outcome.created:
        return CREATED, bounded(f"Created {_names(outcome.created)}")
    if outcome.updated or outcome.pruned:
        changed = [*(update.ref for update in outcome.updated), *outcome.pruned]
        return UPDATED, bounded(f"Updated {_names(changed)}")
    if before is not None and before.status == "True":
        return before.reason, before.message.partition(_WARNING)[0]
    return UP_TO_DATE, "Every child is as wanted"


def _warning(outcome: Outcome) -> str:
    texts = list(outcome.warnings)
    if outcome.unstored:
        parts = (f"{', '.join(fields)} of {_names([ref])}" for ref, fields in outcome.unstored)
        not_stored = f"the API server did not store {'; '.join(parts)}"
        texts.append(f"{not_stored}; perhaps a feature gate is off")
    return f"{_WARNING}{'; '.join(texts)}" if texts else ""


def _created(outcome: Outcome) -> list[EventDraft]:
    workloads, others = _split(outcome.created)
    return [
        EventDraft(reason, "Normal", "Create", bounded(f"Created {_names(refs)}"))
        for reason, refs in (("SubResourceCreated", others), (CREATED, workloads))
        if refs
    ]


def _updated(outcome: Outcome) -> list[EventDraft]:
    workloads, others = _split(update.ref for update in outcome.updated)
    texts = {update.ref: _update_text(update) for update in outcome.updated}
    return [
        EventDraft(
            reason, "Normal", "Update", bounded(f"Updated {', '.join(texts[ref] for ref in refs)}")
        )
        for reason, refs in (("SubResourceUpdated", others), (UPDATED, workloads))
        if refs
    ]


def _pruned(outcome: Outcome) -> list[EventDraft]:
    if not outcome.pruned:
        return []
    note = bounded(f"Deleted {_names(outcome.pruned)}, which is no longer wanted")
    return [EventDraft("DualDeploymentCleanup", "Normal", "Delete", note)]


def _failed(outcome: Outcome, before: Condition | None) -> list[EventDraft]:
    if not outcome.failures:
        return []
    draft = reconciled(outcome, before, None)
    is_reported = before is not None and (before.reason, before.message) == (
        draft.reason,
        draft.message,
    )
    if is_reported or draft.reason == PAUSED:
        return []
    reason = DRIFT if draft.reason == DRIFT else "ResourceApplyError"
    return [EventDraft(reason, "Warning", "Apply", draft.message)]


def _split(refs: Iterable[ObjectRef]) -> tuple[list[ObjectRef], list[ObjectRef]]:
    ordered = list(refs)
    workloads = [ref for ref in ordered if ref.kind in _WORKLOADS]
    return workloads, [ref for ref in ordered if ref.kind not in _WORKLOADS]


def _names(refs: Iterable[ObjectRef]) -> str:
    return ", ".join(f"{ref.kind} {ref.name}" for ref in refs)


def drift(ref: ObjectRef, differences: Iterable[Difference] | None) -> Failure:
    """The failure of a child whose drift is only reported; None for a child that is absent."""
    if differences is None:
        return Failure(DRIFT, "is not there", ref)
    return Failure(DRIFT, f"differs in {_fields(differences)}", ref)


def _fields(differences: Iterable[Difference]) -> str:
    return ", ".join(
        f"{difference.path} (set by {difference.other_manager})"
        if difference.other_manager
        else difference.path
        for difference in differences
    )


def _update_text(update: Update) -> str:
    return f"{update.ref.kind} {update.ref.name} ({_fields(update.differences)})"


def _failure_text(failure: Failure) -> str:
    return f"{failure.ref}: {failure.message}" if failure.ref else failure.message
