"""Events that a node tells of its artifacts: failures and removals; the operator tells the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resources.kubernetes.event import EventDraft, bounded
from resources.kubernetes.reference import ObjectRef, Owner

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from resources.artifact.nodereport import ArtifactReport
    from resources.node.plan import PlannedSlot

_MEDIA = {
    "oci": "OCIArtifact",
    "configmap": "ConfigMapArtifact",
    "inline": "InlineArtifact",
}


class NodeEvent(NamedTuple):
    """An Event about one incarnation of an artifact."""

    regarding: Owner
    draft: EventDraft


def removals(gone: Iterable[PlannedSlot], namespace: str, node: str) -> Iterator[NodeEvent]:
    """One for each source whose file was removed because nobody wants it any more."""
    for slot in gone:
        kind, name, uid, medium = slot.id.split("/")
        file = slot.good.file if slot.good is not None else ""
        note = bounded(f"Removed {file} from node {node}")
        draft = EventDraft(f"{_MEDIA[medium]}Removed", "Normal", "Remove", note)
        yield NodeEvent(Owner(ObjectRef(kind, namespace, name), uid), draft)


def failures(
    before: Iterable[ArtifactReport], after: Iterable[ArtifactReport], namespace: str, node: str
) -> Iterator[NodeEvent]:
    """One for each failure that was not told before in the same words."""
    told = {(one.uid, one.reason, one.message) for one in before}
    for one in after:
        if one.state != "Failed" or (one.uid, one.reason, one.message) in told:
            continue
        owner = Owner(ObjectRef(one.kind, namespace, one.name), one.uid)
        note = bounded(f"On node {node}: {one.message}")
        yield NodeEvent(owner, EventDraft(one.reason or "Failed", "Warning", "Install", note))
