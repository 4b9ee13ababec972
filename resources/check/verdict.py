"""Which versions of a node's slots may be activated: the whole set, as Falco would load it.

A finding about an artifact whose `spec.validation` is Warn is overruled, unless it is unsafe. An
invalid version falls back to the one that Falco has loaded last, or else to the installed one,
together with the versions that depend on it. A change that would break an installed version waits.
A removal always happens; installed versions that depend on the removed one are removed too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resources.artifact.fields import Validation
from resources.check.candidates import NodeSet
from resources.check.check_request import Choice, Verdict
from resources.check.fallback import Chooser, Options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from resources.check.check_request import CheckedSlot, CheckedVersion, Context
    from resources.check.fallback import ChosenSelection, Selection
    from resources.text.messages import Finding

# YAML values that may be evaluated to activate more wanted versions: 5 s of work.
_WORK = 10_000_000
_LEAST_TRIALS = 20
_MOST_MESSAGES = 10


def check(slots: Sequence[CheckedSlot], context: Context, read: Callable[[str], bytes]) -> Verdict:
    """Choose a version for every slot such that Falco accepts all of them together.

    `read` gives the content of a path, or raises OSError. The slots' ids must be unique.
    """
    return own_check(NodeSet(slots, context, read)).verdict()


def own_check(node: NodeSet) -> SetCheck:
    """The check by what is known here of Falco's loader."""
    trials = max(_LEAST_TRIALS, _WORK // (1 + node.values))
    return SetCheck(node, node.own_problems, lambda set_: node.evaluate(set_).problems, trials)


class SetCheck:
    """Chooses a version for every slot of a node such that `problems` finds none in the set.

    `own` gives the problems of a version whatever versions the other slots have.
    """

    def __init__(
        self,
        node: NodeSet,
        own: Callable[[CheckedSlot, CheckedVersion], Sequence[str]],
        problems: Callable[[Mapping[str, CheckedVersion]], Sequence[Finding]],
        trials: int,
    ) -> None:
        self._node = node
        self._problems = problems
        self._trials = trials
        self._slots = {slot.id: slot for slot in node.slots}
        self._found = {
            (slot.id, choice): own(slot, version)
            for slot in node.slots
            for choice, version in _versions(slot)
        }
        self._own = {
            (slot.id, choice): node.unsafe(slot, version)
            if slot.validation is Validation.WARN
            else self._found[slot.id, choice]
            for slot in node.slots
            for choice, version in _versions(slot)
        }

    def verdict(self) -> Verdict:
        """The choice and its reasons, with the warnings of our own check."""
        options = {slot.id: self._options(slot) for slot in self._node.slots}
        decision = Chooser(options, self._problems_of, self._trials).choose()
        selection = decision.selection
        final = self._node.evaluate(self.versions(selection))
        return Verdict(
            chosen=selection,
            problems=_texts(
                (slot.id, self._why(slot, selection[slot.id], decision))
                for slot in self._node.slots
            ),
            warnings=self._warnings(selection, final.warnings),
            overruled=self._overruled(selection),
            web_server=final.web_server,
            needs=self._node.needs(),
            plugins=final.plugins,
        )

    def _options(self, slot: CheckedSlot) -> Options:
        if slot.stays:
            usable = slot.wanted is not None and not self._own[slot.id, "wanted"]
            level: Choice = "wanted" if usable else "none"
            return Options((level,), level)
        choices: list[Choice] = ["wanted"] if slot.wanted is not None else []
        if slot.wanted is not None and slot.loaded is not None:
            choices.append("loaded")
        if slot.wanted is not None and slot.good not in {None, slot.wanted}:
            choices.append("good")
        levels = (*(choice for choice in choices if not self._own[slot.id, choice]), "none")
        same: Choice = "wanted" if slot.wanted == slot.good else "good"
        return Options(levels, same if same in levels else "none")

    def versions(self, selection: Selection) -> dict[str, CheckedVersion]:
        """The versions that are chosen, by slot id."""
        versions = {name: _version(self._slots[name], choice) for name, choice in selection.items()}
        return {name: version for name, version in versions.items() if version is not None}

    def _problems_of(self, selection: Selection) -> Sequence[Finding]:
        versions = self.versions(selection)
        findings = self._problems(versions)
        return [finding for finding in findings if not self._node.overrules(finding, versions)]

    def _overruled(self, selection: Selection) -> dict[str, tuple[str, ...]]:
        """The findings of what is chosen although it has them."""
        if all(slot.validation is Validation.ENFORCE for slot in self._node.slots):
            return {}
        versions = self.versions(selection)
        found = [
            (name, self._found[name, selection[name]])
            for name in versions
            if self._slots[name].validation is Validation.WARN
        ]
        among = [
            (finding.origin, [finding.text])
            for finding in self._problems(versions)
            if self._node.overrules(finding, versions)
        ]
        return _texts([*found, *among])

    def _why(self, slot: CheckedSlot, choice: Choice, decision: ChosenSelection) -> list[str]:
        """Why a slot does not get the wanted version, and why the installed one is removed."""
        if slot.wanted is None or choice == "wanted":
            return []
        texts = self._reasons(slot, "wanted", decision)
        if choice == "none" and slot.good not in {None, slot.wanted}:
            for text in self._reasons(slot, "good", decision):
                texts.append(f"what was installed cannot stay: {text}")
        return texts

    def _reasons(self, slot: CheckedSlot, choice: Choice, decision: ChosenSelection) -> list[str]:
        if own := self._own[slot.id, choice]:
            return list(own)
        findings = decision.reasons.get((slot.id, choice), ())
        texts = [finding.text for finding in findings if finding.origin == slot.id]
        return texts or [
            f"it would break {self._slots[finding.origin].file}: {finding.text}"
            for finding in findings
        ]

    def _warnings(
        self, selection: Selection, findings: Iterable[Finding]
    ) -> dict[str, tuple[str, ...]]:
        versions = self.versions(selection)
        warnings = [
            (name, list(self._node.own_warnings(self._slots[name], version)))
            for name, version in versions.items()
        ]
        warnings += [(finding.origin, [finding.text]) for finding in findings]
        return _texts(warnings)


def _versions(slot: CheckedSlot) -> Iterator[tuple[Choice, CheckedVersion]]:
    if slot.wanted is not None:
        yield "wanted", slot.wanted
    if slot.loaded is not None:
        yield "loaded", slot.loaded
    if slot.good is not None:
        yield "good", slot.good


def _version(slot: CheckedSlot, choice: Choice) -> CheckedVersion | None:
    match choice:
        case "wanted":
            return slot.wanted
        case "loaded":
            return slot.loaded
        case "good":
            return slot.good
    return None


def _texts(by_slot: Iterable[tuple[str, Sequence[str]]]) -> dict[str, tuple[str, ...]]:
    """The texts of each slot without duplicates, at most _MOST_MESSAGES of them."""
    gathered: dict[str, dict[str, None]] = {}
    for name, texts in by_slot:
        gathered.setdefault(name, {}).update(dict.fromkeys(texts))
    return {name: _shortened(texts) for name, texts in gathered.items() if texts}


def _shortened(texts: Mapping[str, None]) -> tuple[str, ...]:
    first = tuple(texts)[:_MOST_MESSAGES]
    rest = len(texts) - len(first)
    return (*first, f"and {rest} more") if rest else first
