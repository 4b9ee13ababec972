"""What a node says of every artifact, after the check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resources.artifact.nodereport import ArtifactReport
from resources.kubernetes.event import bounded
from resources.node.items import INVALID, PENDING, Item, Part, Trouble

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from resources.node.plan import Plan
    from resources.node.slots import Verdict


def reports(
    items: Iterable[Item], planned: Plan, verdict: Verdict, refused: Mapping[str, Trouble]
) -> tuple[ArtifactReport, ...]:
    """What the node says of every artifact; `refused` tells of slots that could not be written.

    What does not fit in while others are still being fetched may do so when they have come: rules,
    say, whose plugin is on its way.
    """
    found = sorted(items, key=lambda item: (item.kind, item.name))
    is_early = any(item.is_coming for item in found)
    return tuple(_report(item, planned, verdict, refused, is_early) for item in found)


def open_items(items: Iterable[Item], said: Iterable[ArtifactReport]) -> list[str]:
    """Artifacts of which more is to come without anybody's doing, named for people."""
    reports = {(one.kind, one.name, one.uid, one.revision) for one in said}
    pending = {(one.kind, one.name) for one in said if one.state == "Pending"}
    unsettled = {
        (item.kind, item.name)
        for item in items
        if (item.kind, item.name, item.uid, item.revision) not in reports
        or any(part.trouble and part.trouble.transient for part in (item.parts or {}).values())
    }
    return [f"{kind} {name}" for kind, name in sorted(pending | unsettled)]


def _report(
    item: Item,
    planned: Plan,
    verdict: Verdict,
    refused: Mapping[str, Trouble],
    is_early: bool,
) -> ArtifactReport:
    if not item.selected:
        return _said(item, "NotSelected")
    trouble = _trouble(item, planned, verdict, refused)
    may_pass = trouble is not None and trouble.reason == INVALID and is_early and not item.trouble
    if trouble is not None and (may_pass or trouble.reason == PENDING):
        return _said(item, "Pending", PENDING, trouble.message)
    if trouble is not None:
        return _said(item, "Failed", trouble.reason, trouble.message)
    if not item.revision or item.parts is None or any(map(_is_open, item.parts.values())):
        return _said(item, "Pending", PENDING, _waiting(item))
    slots = map(item.slot, item.parts)
    warnings = [text for slot in slots for text in verdict.warnings.get(slot, ())]
    return _said(item, "Programmed", None, "; ".join(warnings) or None)


def _trouble(
    item: Item, planned: Plan, verdict: Verdict, refused: Mapping[str, Trouble]
) -> Trouble | None:
    """Everything that is wrong with an artifact, under the reason that comes first."""
    found = [item.trouble] if item.trouble is not None else []
    for medium, part in (item.parts or {}).items():
        slot = item.slot(medium)
        if part.trouble is not None:
            found.append(part.trouble)
        if slot in planned.conflicts:
            found.append(planned.conflicts[slot])
        if slot in verdict.problems:
            found.append(Trouble(INVALID, "; ".join(verdict.problems[slot])))
        if slot in refused:
            found.append(refused[slot])
    if not found:
        return None
    return Trouble(found[0].reason, "; ".join(dict.fromkeys(one.message for one in found)))


def _is_open(part: Part) -> bool:
    return part.wanted is None


def _waiting(item: Item) -> str:
    if not item.revision or item.parts is None:
        return "the operator has not resolved this generation yet"
    media = [medium for medium, part in item.parts.items() if _is_open(part)]
    return f"being fetched: {', '.join(media)}"


def _said(
    item: Item, state: str, reason: str | None = None, message: str | None = None
) -> ArtifactReport:
    return ArtifactReport(
        kind=item.kind,
        name=item.name,
        uid=item.uid,
        revision=item.revision,
        state=state,
        reason=reason,
        message=bounded(message) if message else None,
    )
