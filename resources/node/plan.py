"""What a node is to install, and what it then says of every artifact.

A slot is one source of one artifact on this node: one file, or one plugin. `plan` lines up what is
wanted for each slot with what is installed; the check chooses between the two; `settled` and
`reports` are what follows from its choice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resources.configuration.plugins import DIRECTORY, BadEntry, absolute
from resources.node.items import NAME_CONFLICT, Installed, Item, Part, Trouble
from resources.node.plugin_entries import Claim, older_wins
from resources.node.slots import Verdict

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping


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


def removed(planned: Plan, final: Mapping[str, Installed]) -> tuple[PlannedSlot, ...]:
    """Slots that were installed and whose artifact wants them no more."""
    return tuple(
        slot
        for slot in planned.slots
        if slot.good is not None and slot.wanted is None and slot.id not in final
    )


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
