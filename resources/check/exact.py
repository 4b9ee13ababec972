"""Which versions of a node's slots may be activated, as Falco itself says in dry runs.

Falco stops at the first error, so each dry run gives one reason. Where it names no file, the slot
at fault is found by halving: the slots that differ from what is installed, in Falco's load order,
are activated one after the other until Falco refuses the set. Where that slot is to be installed
all the same, Falco is asked without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from resources.check.candidates import NodeSet
from resources.check.check_request import Disagreements, Verdict
from resources.check.dry_run_answer import Crash, DoesNotRun, NoAnswer, Refusal, Taken
from resources.check.falco_warnings import by_slot
from resources.check.verdict import SetCheck, own_check
from resources.text.messages import FatalFinding, Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from resources.check.check_request import CheckedSlot, CheckedVersion, Choice, Context

    Ask = Callable[[Sequence[tuple[CheckedSlot, CheckedVersion]]], Refusal | Taken]

# Dry runs beyond those without which there is no set that Falco takes.
_TRIALS = 40
# Warnings of Falco about one slot.
_MOST_WARNINGS = 10


def check(
    slots: Sequence[CheckedSlot],
    context: Context,
    read: Callable[[str], bytes],
    ask: Ask,
) -> Verdict:
    """The verdict of our own check, and laid over it that of Falco, where it gives one.

    `ask` does a dry run with these versions, in Falco's load order; it may raise NoAnswer.
    """
    node = NodeSet(slots, context, read)
    own = own_check(node)
    ours = own.verdict()
    falco = _Falco(node, ask)
    try:
        theirs = falco.verdict(own.versions(ours.chosen))
        return _laid_over(ours, theirs, node, falco.warnings(own.versions(theirs.chosen)))
    except _NoSetIsTaken as error:
        return replace(ours, unasked=str(error))
    except NoAnswer as error:
        ours = replace(ours, unasked=str(error), broken=isinstance(error, DoesNotRun))
        refused = falco.known_refusal(own.versions(ours.chosen))
        return _kept(ours, node, refused) if refused is not None else ours


class _NoSetIsTaken(NoAnswer):
    """Falco refuses what belongs to no artifact, so no choice of ours makes a difference."""


class _Falco:
    """Falco's answers, each asked for once."""

    def __init__(self, node: NodeSet, ask: Ask) -> None:
        self._node = node
        self._ask = ask
        self._slots = {slot.id: slot for slot in node.slots}
        self._answers: dict[frozenset[tuple[str, CheckedVersion]], Refusal | Taken] = {}

    def verdict(self, ours: Mapping[str, CheckedVersion]) -> Verdict:
        """The choice of which Falco takes the whole set; `ours` is asked for early as a fallback.

        Raises:
            NoAnswer: Falco gave no answer, or takes no set with the files of others.
        """
        check = SetCheck(self._node, self._node.bounds, self._problems, _TRIALS)
        self._refusal(ours)
        verdict = check.verdict()
        versions = check.versions(verdict.chosen)
        if refused := self._refusal(versions):
            findings = self._problems(versions)
            if not all(self._node.overrules(finding, versions) for finding in findings):
                raise _NoSetIsTaken(f"Falco takes no set of files here: {refused.text}")
        return verdict

    def known_refusal(self, versions: Mapping[str, CheckedVersion]) -> Refusal | None:
        """Why Falco refuses this set, if it has been asked for it."""
        found = self._answers.get(self._key(versions))
        return found if isinstance(found, Refusal) else None

    def warnings(self, versions: Mapping[str, CheckedVersion]) -> Mapping[str, Sequence[str]]:
        """What Falco says of a set that it takes, by slot id."""
        found = self._answers[self._key(versions)]
        return by_slot(found.warnings, versions, self._node) if isinstance(found, Taken) else {}

    def _problems(self, versions: Mapping[str, CheckedVersion]) -> list[Finding]:
        overruled: list[Finding] = []
        rest = dict(versions)
        while (refused := self._refusal(rest)) is not None:
            origin = self._origin(refused, rest)
            finding = _finding(origin, refused)
            if self._node.overrules(finding, rest):
                # Falco stops at it: what it says of the others is asked for without this one.
                overruled.append(finding)
                del rest[origin]
            elif overruled and self._needs_others(origin, rest, versions):
                del rest[origin]
            else:
                return [*overruled, finding]
        return [*overruled, *self._unseen(versions)]

    def _needs_others(
        self, name: str, rest: Mapping[str, CheckedVersion], versions: Mapping[str, CheckedVersion]
    ) -> bool:
        """Whether our own check refuses a slot in the rest of the set, and not in the whole set."""
        in_rest, in_all = (
            any(finding.origin == name for finding in self._node.evaluate(some).problems)
            for some in (rest, versions)
        )
        return in_rest and not in_all

    def _unseen(self, versions: Mapping[str, CheckedVersion]) -> list[Finding]:
        """What ends a Falco that runs although its dry run does not look at it."""
        configs = {
            name: version
            for name, version in versions.items()
            if self._slots[name].kind == "config"
        }
        return [
            finding
            for finding in self._node.evaluate(configs).problems
            if isinstance(finding, FatalFinding)
        ]

    def _refusal(self, versions: Mapping[str, CheckedVersion]) -> Refusal | None:
        key = self._key(versions)
        if key not in self._answers:
            slots = self._node.slots
            self._answers[key] = self._ask(
                [(slot, versions[slot.id]) for slot in slots if slot.id in versions]
            )
        found = self._answers[key]
        return found if isinstance(found, Refusal) else None

    def _key(self, versions: Mapping[str, CheckedVersion]) -> frozenset[tuple[str, CheckedVersion]]:
        return frozenset(versions.items())

    def _origin(self, refused: Refusal, versions: Mapping[str, CheckedVersion]) -> str:
        """The slot that Falco names, or that is at fault by halving."""
        for slot in self._node.slots:
            version = versions.get(slot.id)
            if version is not None and _is_named(refused, slot, version):
                return slot.id
        return self._halved(versions, refused)

    def _halved(self, versions: Mapping[str, CheckedVersion], refused: Refusal) -> str:
        present = [slot for slot in self._node.slots if slot.id in versions]
        changed = [slot for slot in present if not slot.stays and versions[slot.id] != slot.good]
        before = dict(versions)
        for slot in changed:
            del before[slot.id]
            if slot.good is not None:
                before[slot.id] = slot.good
        if self._refusal(before) is not None:
            versions = before
            changed = [slot for slot in self._node.slots if slot.id in before and not slot.stays]
            before = {slot.id: before[slot.id] for slot in present if slot.stays}
            if self._refusal(before) is not None:
                raise _NoSetIsTaken(f"Falco refuses what belongs to no artifact: {refused.text}")
        taken, least = 0, len(changed)
        while least - taken > 1:
            middle = (taken + least) // 2
            some = {slot.id: versions[slot.id] for slot in changed[:middle]}
            if self._refusal({**before, **some}) is None:
                taken = middle
            else:
                least = middle
        return changed[least - 1].id


def _finding(origin: str, refused: Refusal) -> Finding:
    kind = FatalFinding if isinstance(refused, Crash) else Finding
    return kind(origin, refused.text)


def _is_named(refused: Refusal, slot: CheckedSlot, version: CheckedVersion) -> bool:
    if refused.plugin and version.plugin is not None:
        return version.plugin.name == refused.plugin
    directory, _, name = refused.file.rpartition("/")
    is_library = name.endswith(".so")
    return (
        bool(directory) and name == slot.file and is_library is (slot.kind == "plugin")
    ) and slot.kind != "config"


def _laid_over(
    ours: Verdict, falco: Verdict, node: NodeSet, heard: Mapping[str, Sequence[str]]
) -> Verdict:
    """The verdict of Falco and what it warns of; our own check adds to that.

    What our own check says otherwise is a warning, and is counted.
    """
    wanted = [slot.id for slot in node.slots if slot.wanted is not None and not slot.stays]
    takes = tuple(name for name in wanted if _takes(falco, name) and not _takes(ours, name))
    refuses = tuple(name for name in wanted if _takes(ours, name) and not _takes(falco, name))
    warnings = {name: tuple(texts[:_MOST_WARNINGS]) for name, texts in heard.items()}
    for name, texts in ours.warnings.items():
        if ours.chosen.get(name) == falco.chosen.get(name):
            warnings[name] = (*warnings.get(name, ()), *texts)
    for name in takes:
        found = (*ours.problems.get(name, ()), *ours.overruled.get(name, ()))
        objections = (f"Falco takes it, our own check does not: {text}" for text in found)
        warnings[name] = (*warnings.get(name, ()), *objections)
    return replace(falco, warnings=warnings, disagreements=Disagreements(takes, refuses))


def _takes(verdict: Verdict, name: str) -> bool:
    """Whether the wanted version of a slot is chosen for what it is."""
    return verdict.chosen[name] == "wanted" and name not in verdict.overruled


def _kept(ours: Verdict, node: NodeSet, refused: Refusal) -> Verdict:
    """Nothing new, for Falco refuses what our own check would install.

    It is not known of what; so an artifact that may be at fault is installed if it says so.
    """
    chosen: dict[str, Choice] = dict(ours.chosen)
    problems, overruled = dict(ours.problems), dict(ours.overruled)
    text = f"Falco refuses the files of this node together, and {ours.unasked}"
    for slot in node.slots:
        if slot.wanted is None or slot.stays or slot.wanted == slot.good:
            continue
        finding = _finding(slot.id, refused)
        is_chosen = chosen[slot.id] == "wanted"
        if is_chosen and node.overrules(finding, {slot.id: slot.wanted}):
            overruled[slot.id] = (*overruled.get(slot.id, ()), text)
            continue
        chosen[slot.id] = "good" if slot.good is not None else "none"
        problems.setdefault(slot.id, (text,))
    return replace(ours, chosen=chosen, problems=problems, overruled=overruled)
