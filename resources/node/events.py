"""Events that a node records: its failures and removals; the operator records all others."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resources.artifact.nodereport import LoadState, ReportState
from resources.artifact.reasons import NOT_LOADED
from resources.kubernetes.event import EventDraft, bounded
from resources.kubernetes.reference import ObjectRef, Owner

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from resources.artifact.nodereport import ArtifactReport
    from resources.node.plan import PlannedSlot


class NodeEvent(NamedTuple):
    """An Event about one incarnation of an artifact."""

    regarding: Owner
    draft: EventDraft


def removals(gone: Iterable[PlannedSlot], namespace: str, node: str) -> Iterator[NodeEvent]:
    """One Event for each source whose file was removed because no artifact wants it any more."""
    for slot in gone:
        kind, name, uid, medium = slot.id
        file = slot.good.file if slot.good is not None else ""
        note = bounded(f"Removed {file} from node {node}")
        draft = EventDraft(f"{medium.event_subject}Removed", "Normal", "Remove", note)
        yield NodeEvent(Owner(ObjectRef(kind, namespace, name), uid), draft)


def failures(
    before: Iterable[ArtifactReport], after: Iterable[ArtifactReport], namespace: str, node: str
) -> Iterator[NodeEvent]:
    """One Event for each failure whose reason or message differs from the report before."""
    known = {(report.uid, *failure) for report in before for failure in _failures(report)}
    for report in after:
        owner = Owner(ObjectRef(report.kind, namespace, report.name), report.uid)
        for action, reason, message in _failures(report):
            if (report.uid, action, reason, message) not in known:
                note = bounded(f"On node {node}: {message}")
                yield NodeEvent(owner, EventDraft(reason, "Warning", action, note))


def _failures(report: ArtifactReport) -> Iterator[tuple[str, str, str]]:
    """Action, reason and message of what went wrong with an artifact."""
    if report.state == ReportState.FAILED:
        yield "Install", report.reason or ReportState.FAILED.value, report.message or ""
    elif report.loaded == LoadState.FALSE:
        yield "Load", report.loaded_reason or NOT_LOADED, report.loaded_message or ""
