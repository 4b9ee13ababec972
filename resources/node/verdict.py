"""What of a node's artifacts may be activated: the whole set, as Falco would load it.

What is invalid falls back to what is installed, together with what depends on it. Where a change
would break what is installed, the change waits. A removal always happens; what cannot do without
the removed is removed too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resources.node.candidates import NodeSet
from resources.node.check_request import Choice, Verdict
from resources.node.fallback import Chooser, Options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from resources.node.check_request import CheckedSlot, CheckedVersion, Context
    from resources.node.fallback import ChosenSelection, Selection
    from resources.text.messages import Finding

# Values that may be looked at for the sake of getting more of what is wanted: 5 s of work.
_WORK = 10_000_000
_LEAST_TRIALS = 20
_MOST_MESSAGES = 10


def check(slots: Sequence[CheckedSlot], context: Context, read: Callable[[str], bytes]) -> Verdict:
    """Choose a version for every slot such that Falco accepts all of them together.

    `read` gives the content of a path, or raises OSError. Ids must be unique.
    """
    return _Check(NodeSet(slots, context, read)).verdict()


class _Check:
    def __init__(self, node: NodeSet) -> None:
        self._node = node
        self._slots = {slot.id: slot for slot in node.slots}
        self._own = self._own_problems()

    def verdict(self) -> Verdict:
        options = {slot.id: self._options(slot) for slot in self._node.slots}
        trials = max(_LEAST_TRIALS, _WORK // (1 + self._node.values))
        decision = Chooser(options, self._problems, trials).choose()
        selection = decision.selection
        return Verdict(
            chosen=selection,
            problems=_texts(
                (slot.id, self._why(slot, selection[slot.id], decision))
                for slot in self._node.slots
            ),
            warnings=self._warnings(selection),
        )

    def _own_problems(self) -> dict[tuple[str, Choice], Sequence[str]]:
        """What is wrong with a version whatever the others are."""
        return {
            (slot.id, choice): self._node.own_problems(slot, version)
            for slot in self._node.slots
            for choice, version in _versions(slot)
        }

    def _options(self, slot: CheckedSlot) -> Options:
        if slot.stays:
            usable = slot.wanted is not None and not self._own[slot.id, "wanted"]
            level: Choice = "wanted" if usable else "none"
            return Options((level,), level)
        choices: list[Choice] = ["wanted"] if slot.wanted is not None else []
        if slot.wanted is not None and slot.good not in {None, slot.wanted}:
            choices.append("good")
        levels = (*(choice for choice in choices if not self._own[slot.id, choice]), "none")
        same: Choice = "wanted" if slot.wanted == slot.good else "good"
        return Options(levels, same if same in levels else "none")

    def _versions(self, selection: Selection) -> dict[str, CheckedVersion]:
        versions = {
            name: self._slots[name].wanted if choice == "wanted" else self._slots[name].good
            for name, choice in selection.items()
            if choice != "none"
        }
        return {name: version for name, version in versions.items() if version is not None}

    def _problems(self, selection: Selection) -> list[Finding]:
        return self._node.evaluate(self._versions(selection)).problems

    def _why(self, slot: CheckedSlot, choice: Choice, decision: ChosenSelection) -> list[str]:
        """Why a slot does not get what is wanted, and if so, why not even what is installed."""
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
        found = decision.reasons.get((slot.id, choice), ())
        texts = [one.text for one in found if one.origin == slot.id]
        return texts or [
            f"it would break {self._slots[one.origin].file}: {one.text}" for one in found
        ]

    def _warnings(self, selection: Selection) -> dict[str, tuple[str, ...]]:
        versions = self._versions(selection)
        found = [
            (name, list(self._node.own_warnings(self._slots[name], version)))
            for name, version in versions.items()
        ]
        found += [(one.origin, [one.text]) for one in self._node.evaluate(versions).warnings]
        return _texts(found)


def _versions(slot: CheckedSlot) -> Iterator[tuple[Choice, CheckedVersion]]:
    if slot.wanted is not None:
        yield "wanted", slot.wanted
    if slot.good is not None:
        yield "good", slot.good


def _texts(found: Iterable[tuple[str, Sequence[str]]]) -> dict[str, tuple[str, ...]]:
    """Texts by slot, without duplicates, the first of them only."""
    gathered: dict[str, dict[str, None]] = {}
    for name, texts in found:
        gathered.setdefault(name, {}).update(dict.fromkeys(texts))
    return {name: _few(texts) for name, texts in gathered.items() if texts}


def _few(texts: Mapping[str, None]) -> tuple[str, ...]:
    few = tuple(texts)[:_MOST_MESSAGES]
    rest = len(texts) - len(few)
    return (*few, f"and {rest} more") if rest else few
