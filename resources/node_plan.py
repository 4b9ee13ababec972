"""What a node is to install, and what it then says of every artifact.

A slot is one source of one artifact on this node: one file, or one plugin. `plan` lines up what is
wanted for each slot with what is installed; the check chooses between the two; `settled` and
`reports` are what follows from its choice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from resources.artifact.nodereport import ArtifactReport
from resources.configuration.plugins import DIRECTORY, BadEntry, absolute
from resources.kubernetes.event import bounded
from resources.node_check import Verdict
from resources.node_files import slot_id
from resources.plugin_entries import Claim, PluginEntry, older_wins

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

INVALID = "InvalidContent"
PENDING = "Pending"
NAME_CONFLICT = "NameConflict"
REFERENCE_FAILED = "ReferenceResolutionFailed"
# What could not be stored, by kind of artifact and medium.
STORE_FAILED = {
    ("Rulesfile", "oci"): "OCIArtifactStoreFailed",
    ("Rulesfile", "configmap"): "ConfigMapRulesStoreFailed",
    ("Rulesfile", "inline"): "InlineRulesStoreFailed",
    ("Plugin", "oci"): "OCIArtifactStoreFailed",
    ("Plugin", "inline"): "InlinePluginConfigStoreFailed",
    ("Config", "configmap"): "ConfigMapConfigStoreFailed",
    ("Config", "inline"): "InlineConfigStoreFailed",
}


class Content(msgspec.Struct, frozen=True):
    """What a source amounts to; `origin` names what it was made from, so equal ones are."""

    sha256: str
    origin: str
    version: str = ""
    dependencies: tuple[str, ...] = ()


class Installed(msgspec.Struct, frozen=True):
    """One version of a slot; remembered on disk, to fall back to.

    `file` is the name in its directory, of a library for plugins; a plugin may have no content of
    its own, and only plugins have an entry.
    """

    file: str
    created: str
    content: Content | None = None
    entry: PluginEntry | None = None


class Trouble(NamedTuple):
    """Why there is no content; `transient` if it may pass without anybody's doing."""

    reason: str
    message: str
    transient: bool = False


class Part(NamedTuple):
    """One source of an artifact: what it came to, or why not; neither while it is fetched."""

    wanted: Installed | None = None
    trouble: Trouble | None = None


class Item(NamedTuple):
    """One artifact as this node sees it.

    `parts` by medium; None while it is not known what to install, and all stays as it is. More
    `is_coming` if that takes seconds, and nobody who has to mend something first.
    """

    kind: str
    name: str
    uid: str
    revision: str
    selected: bool
    parts: Mapping[str, Part] | None
    trouble: Trouble | None = None
    is_coming: bool = False

    def slot(self, medium: str) -> str:
        """The id of the slot of one of its sources."""
        return slot_id(self.kind, self.name, self.uid, medium)


class PlannedSlot(NamedTuple):
    """What may be installed for a slot; `wanted` None says that it is to go."""

    id: str
    wanted: Installed | None
    good: Installed | None

    @property
    def kind(self) -> str:
        """Kind of the artifact."""
        return self.id.partition("/")[0]


class Plan(NamedTuple):
    """All slots, and which plugins cannot have the name that they ask for."""

    slots: tuple[PlannedSlot, ...]
    conflicts: Mapping[str, Trouble]

    @property
    def is_settled(self) -> bool:
        """Whether all that is wanted is installed already."""
        return all(slot.wanted == slot.good for slot in self.slots)


def plan(items: Iterable[Item], installed: Mapping[str, Installed]) -> Plan:
    """Line up what is wanted with what is installed; what nobody wants any more is to go."""
    wanted: dict[str, Installed | None] = {}
    for item in items:
        wanted |= _wanted(item, installed)
    conflicts = _conflicts(wanted)
    ids = sorted({*wanted, *installed})
    slots = (
        PlannedSlot(slot, None if slot in conflicts else wanted.get(slot), installed.get(slot))
        for slot in ids
    )
    return Plan(tuple(slot for slot in slots if slot.wanted or slot.good), conflicts)


def kept(planned: Plan) -> Verdict:
    """The verdict that leaves what is installed as it is, but for what is to go."""
    new = [slot for slot in planned.slots if slot.wanted and slot.wanted != slot.good]
    return Verdict(chosen={slot.id: "good" if slot.good else "none" for slot in new})


def settled(planned: Plan, verdict: Verdict) -> dict[str, Installed]:
    """What is to be on disk after the check."""
    return {slot.id: chosen for slot in planned.slots if (chosen := _chosen(slot, verdict))}


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


def removed(planned: Plan, final: Mapping[str, Installed]) -> tuple[PlannedSlot, ...]:
    """Slots that were installed and whose artifact wants them no more."""
    return tuple(
        slot
        for slot in planned.slots
        if slot.good is not None and slot.wanted is None and slot.id not in final
    )


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


def is_more_at_hand(items: Iterable[Item]) -> bool:
    """Whether content is about to come, in a moment: no registry has to be asked for it."""
    return any(
        part == Part()
        for item in items
        for medium, part in (item.parts or {}).items()
        if medium != "oci"
    )


def libraries(planned: Plan, foreign: Collection[str]) -> frozenset[str]:
    """Names of the libraries that are, or may be, in the plugin directory."""
    versions = (version for slot in planned.slots for version in (slot.wanted, slot.good))
    ours = (version.file for version in versions if version and version.entry and version.content)
    return frozenset([*ours, *foreign])


def is_present(version: Installed, libraries: Collection[str]) -> bool:
    """Whether a plugin's library is there; one outside of the plugin directory cannot be seen."""
    if version.entry is None:
        return True
    try:
        path = absolute(version.entry.library_path)
    except BadEntry:
        return True  # what is wrong with it is for the check to say
    if not path.startswith(DIRECTORY):
        return True
    return path.removeprefix(DIRECTORY) in libraries


def _wanted(item: Item, installed: Mapping[str, Installed]) -> dict[str, Installed | None]:
    """By slot; a source in trouble, or not yet fetched, wants what it has."""
    if not item.selected:
        return {}
    if item.parts is None:
        prefix = item.slot("")
        return {slot: good for slot, good in installed.items() if slot.startswith(prefix)}
    return {
        item.slot(medium): part.wanted or installed.get(item.slot(medium))
        for medium, part in item.parts.items()
    }


def _conflicts(wanted: Mapping[str, Installed | None]) -> dict[str, Trouble]:
    """Plugins whose name in falco.yaml an older one has."""
    plugins = {slot: one for slot, one in wanted.items() if one is not None and one.entry}
    claims = (
        Claim(one.entry.name, slot, one.created) for slot, one in plugins.items() if one.entry
    )
    return {
        slot: Trouble(
            NAME_CONFLICT, f"the plugin name is taken by the older Plugin {holder.split('/')[1]}"
        )
        for slot, holder in older_wins(claims).items()
    }


def _chosen(slot: PlannedSlot, verdict: Verdict) -> Installed | None:
    match verdict.chosen.get(slot.id, "wanted"):
        case "wanted":
            return slot.wanted
        case "good":
            return slot.good
    return None


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
