"""What a node is to install: every slot with the version that is wanted and the installed one.

`plan` lines the two up; the check chooses between them; `settled` and `removed` follow from its
choice, as do the reports (`resources.node.report`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resources.artifact.fields import Validation
from resources.artifact.medium import Medium
from resources.artifact.reasons import INVALID, NAME_CONFLICT
from resources.check.check_request import Verdict
from resources.configuration.plugins import DIRECTORY, BadEntry, absolute
from resources.node.artifact import NodeArtifact, Trouble
from resources.node.plugin_entries import Claim, older_wins
from resources.node.refusal import holds
from resources.node.slots import SlotId, SlotVersion

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from resources.node.refusal import Refusal


class PlannedSlot(NamedTuple):
    """The versions of a slot to choose from; `wanted` None asks for its removal.

    `good` is installed. `loaded` is the version that Falco has loaded last, if it is another.
    """

    id: SlotId
    wanted: SlotVersion | None
    good: SlotVersion | None
    loaded: SlotVersion | None = None
    validation: Validation = Validation.ENFORCE


class Plan(NamedTuple):
    """All slots; `conflicts` are Plugins whose entry name an older Plugin has.

    `held` are slots whose wanted version Falco has refused: they want what it has loaded last.
    """

    slots: tuple[PlannedSlot, ...]
    conflicts: Mapping[SlotId, Trouble]
    held: Mapping[SlotId, Trouble] = {}

    @property
    def is_settled(self) -> bool:
        """Whether every wanted version is installed already."""
        return all(slot.wanted == slot.good for slot in self.slots)

    @property
    def lenient(self) -> frozenset[SlotId]:
        """The slots that are to be installed whatever the check says."""
        return frozenset(slot.id for slot in self.slots if slot.validation is Validation.WARN)


def plan(
    artifacts: Iterable[NodeArtifact],
    installed: Mapping[SlotId, SlotVersion],
    loaded: Mapping[SlotId, SlotVersion] | None = None,
    refused: Mapping[SlotId, Refusal] | None = None,
) -> Plan:
    """Line up what artifacts want with what is installed; other installed slots are removed.

    What Falco has `loaded` last takes the place of what it has `refused`.
    """
    loaded = loaded or {}
    wanted: dict[SlotId, SlotVersion | None] = {}
    modes: dict[tuple[str, str, str], Validation] = {}
    for artifact in artifacts:
        wanted |= _wanted(artifact, installed)
        modes[artifact.kind, artifact.name, artifact.uid] = artifact.validation
    held = {}
    for slot, refusal in (refused or {}).items():
        if holds(refusal, wanted.get(slot)):
            held[slot] = Trouble(INVALID, refusal.why)
            wanted[slot] = loaded.get(slot)
    conflicts = _conflicts(wanted)
    slots = (
        _slot(slot, None if slot in conflicts else wanted.get(slot), installed, loaded)._replace(
            validation=modes.get(slot[:3], Validation.ENFORCE)
        )
        for slot in sorted({*wanted, *installed}, key=str)
    )
    return Plan(tuple(slot for slot in slots if slot.wanted or slot.good), conflicts, held)


def kept(planned: Plan) -> Verdict:
    """The verdict that installs nothing new; slots that nobody wants are removed all the same."""
    new = [slot for slot in planned.slots if slot.wanted and slot.wanted != slot.good]
    return Verdict(chosen={str(slot.id): "good" if slot.good else "none" for slot in new})


def settled(planned: Plan, verdict: Verdict) -> dict[SlotId, SlotVersion]:
    """The versions to be on disk after the check."""
    return {slot.id: chosen for slot in planned.slots if (chosen := _chosen(slot, verdict))}


def withheld(planned: Plan, final: Mapping[SlotId, SlotVersion]) -> Iterator[str]:
    """What is wanted and not to be on disk, and what stays in its place, for the trace."""
    for slot in planned.slots:
        if slot.wanted is not None and final.get(slot.id) != slot.wanted:
            kept_file = final[slot.id].file if slot.id in final else ""
            yield f"kept the last good {kept_file}" if kept_file else f"left {slot.wanted.file} out"


def removed(planned: Plan, final: Mapping[SlotId, SlotVersion]) -> tuple[PlannedSlot, ...]:
    """Slots that were installed and are gone because no artifact wants them any more."""
    return tuple(
        slot
        for slot in planned.slots
        if slot.good is not None
        and slot.wanted is None
        and slot.id not in final
        and slot.id not in planned.held
    )


def has_quick_fetch(artifacts: Iterable[NodeArtifact]) -> bool:
    """Whether a ConfigMap or inline source is being fetched: in a moment, without a registry."""
    return any(
        state is None
        for artifact in artifacts
        for medium, state in (artifact.sources or {}).items()
        if medium is not Medium.OCI
    )


def libraries(planned: Plan, foreign: Collection[str]) -> frozenset[str]:
    """Names of the libraries that are, or may be, in the plugin directory."""
    versions = (
        version for slot in planned.slots for version in (slot.wanted, slot.good, slot.loaded)
    )
    ours = (version.file for version in versions if version and version.entry and version.content)
    return frozenset([*ours, *foreign])


def is_present(version: SlotVersion, libraries: Collection[str]) -> bool:
    """Whether a plugin's library is there; one outside of the plugin directory cannot be seen."""
    if version.entry is None:
        return True
    try:
        path = absolute(version.entry.library_path)
    except BadEntry:
        return True  # the check names what is wrong with the path
    if not path.startswith(DIRECTORY):
        return True
    return path.removeprefix(DIRECTORY) in libraries


def _wanted(
    artifact: NodeArtifact, installed: Mapping[SlotId, SlotVersion]
) -> dict[SlotId, SlotVersion | None]:
    """By slot; for a source that failed or is still being fetched, its installed version."""
    if not artifact.selected:
        return {}
    if artifact.sources is None:
        return {slot: good for slot, good in installed.items() if artifact.has_slot(slot)}
    states = {artifact.slot(medium): state for medium, state in artifact.sources.items()}
    return {
        slot: state if isinstance(state, SlotVersion) else installed.get(slot)
        for slot, state in states.items()
    }


def _slot(
    slot: SlotId,
    wanted: SlotVersion | None,
    installed: Mapping[SlotId, SlotVersion],
    loaded: Mapping[SlotId, SlotVersion],
) -> PlannedSlot:
    good, proved = installed.get(slot), loaded.get(slot)
    is_other = wanted is not None and proved not in (wanted, good)
    return PlannedSlot(slot, wanted, good, proved if is_other else None)


def _conflicts(wanted: Mapping[SlotId, SlotVersion | None]) -> dict[SlotId, Trouble]:
    """Plugins whose name in falco.yaml an older Plugin has."""
    claims = (
        Claim(version.entry.name, slot, version.created)
        for slot, version in wanted.items()
        if version is not None and version.entry is not None
    )
    return {
        slot: Trouble(NAME_CONFLICT, f"the plugin name is taken by the older Plugin {holder.name}")
        for slot, holder in older_wins(claims).items()
    }


def _chosen(slot: PlannedSlot, verdict: Verdict) -> SlotVersion | None:
    match verdict.chosen.get(str(slot.id), "wanted"):
        case "wanted":
            return slot.wanted
        case "good":
            return slot.good
        case "loaded":
            return slot.loaded
    return None
