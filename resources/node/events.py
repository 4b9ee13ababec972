"""Events that a node records: its failures and removals; the operator records all others."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resources.artifact.nodereport import ReportState
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
    known = {(report.uid, report.reason, report.message) for report in before}
    for report in after:
        if (
            report.state != ReportState.FAILED
            or (report.uid, report.reason, report.message) in known
        ):
            continue
        owner = Owner(ObjectRef(report.kind, namespace, report.name), report.uid)
        note = bounded(f"On node {node}: {report.message}")
        yield NodeEvent(
            owner, EventDraft(report.reason or ReportState.FAILED.value, "Warning", "Install", note)
        )
