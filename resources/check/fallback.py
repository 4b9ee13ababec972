"""Chooses versions of slots that depend on each other, so that Falco accepts all of them together.

A slot gets the wanted version if possible, else the installed one, else none. A slot never loses a
valid installed version for the change of another slot: that change waits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from resources.check.check_request import Choice
    from resources.text.messages import Finding

Selection: TypeAlias = "dict[str, Choice]"


class Options(NamedTuple):
    """The choices for one slot.

    `levels` has the best choice first and the always possible one last. `installed` is the choice
    that changes nothing, which is "none" for a new slot.
    """

    levels: tuple[Choice, ...]
    installed: Choice


class ChosenSelection(NamedTuple):
    """The selection, and for each slot the findings with the better levels that it did not get."""

    selection: Selection
    reasons: dict[tuple[str, Choice], Sequence[Finding]]


class Chooser:
    """Looks for a selection without findings; `evaluate` gives the findings of a selection.

    Slots are considered in the order of `options`. A selection without findings takes a number of
    evaluations that is linear in the number of slots; at most `trials` further evaluations try to
    get more of the wanted versions into it.
    """

    def __init__(
        self,
        options: Mapping[str, Options],
        evaluate: Callable[[Selection], Sequence[Finding]],
        trials: int,
    ) -> None:
        self._options = options
        self._evaluate = evaluate
        self._trials = trials
        # Findings with versions that cannot be changed, which no choice removes.
        self._permanent: set[Finding] = set()
        self._reasons: dict[tuple[str, Choice], Sequence[Finding]] = {}

    def choose(self) -> ChosenSelection:
        """Return the best selection found within the trials."""
        selection: Selection = {name: options.levels[0] for name, options in self._options.items()}
        if self._findings(selection):
            base = self._base()
            selection = self._raised(self._lowered(selection, base))
        reasons = {
            (name, level): findings
            for (name, level), findings in self._reasons.items()
            if level in self._above(name, selection)
        }
        return ChosenSelection(selection, reasons)

    def _findings(self, selection: Selection) -> list[Finding]:
        findings = self._evaluate(selection)
        return [finding for finding in findings if finding not in self._permanent]

    def _base(self) -> Selection:
        """The installed versions that can stay if nothing new is activated."""
        base: Selection = {name: options.installed for name, options in self._options.items()}
        dropped = []
        while findings := self._findings(base):
            first = findings[0]
            lowest = self._options[first.origin].levels[-1]
            if base[first.origin] == lowest:
                self._permanent.add(first)
                continue
            base[first.origin] = lowest
            dropped.append(first.origin)
        for name in dropped:
            restored: Selection = {**base, name: self._options[name].installed}
            if not self._findings(restored):
                base = restored
        return base

    def _lowered(self, selection: Selection, base: Selection) -> Selection:
        """Lower slots with findings, step by step; no level falls below that of `base`."""
        while findings := self._findings(selection):
            origins = dict.fromkeys(finding.origin for finding in findings)
            changed = [name for name in origins if self._is_change(name, selection)]
            if not changed:
                changed = self._culprits(findings[0], selection, base)
            for name in changed:
                own = [finding for finding in findings if finding.origin == name]
                self._reasons[name, selection[name]] = own or findings[:1]
                selection = {**selection, name: self._below(name, selection, base)}
        return selection

    def _is_change(self, name: str, selection: Selection) -> bool:
        options = self._options[name]
        return selection[name] not in {options.installed, options.levels[-1]}

    def _culprits(self, finding: Finding, selection: Selection, base: Selection) -> list[str]:
        """The slots that must be lowered where the finding is with an installed version."""
        if selection[finding.origin] != base[finding.origin]:
            return [finding.origin]
        above = [name for name in self._options if selection[name] != base[name]]
        for name in reversed(above):
            if not self._may_try():
                break
            if finding not in self._evaluate({**selection, name: base[name]}):
                return [name]
        return above

    def _below(self, name: str, selection: Selection, base: Selection) -> Choice:
        levels = self._options[name].levels
        if not self._is_change(name, selection):
            return base[name]
        return levels[levels.index(selection[name]) + 1]

    def _raised(self, selection: Selection) -> Selection:
        """Raise one slot after the other, until none can be raised without findings."""
        progress = True
        while progress:
            progress = False
            for name in self._options:
                better = self._better(name, selection)
                progress |= better != selection
                selection = better
        return selection

    def _better(self, name: str, selection: Selection) -> Selection:
        for level in self._above(name, selection):
            if not self._may_try():
                break
            trial: Selection = {**selection, name: level}
            findings = self._findings(trial)
            if not findings:
                return trial
            self._reasons[name, level] = findings
        return selection

    def _above(self, name: str, selection: Selection) -> tuple[Choice, ...]:
        levels = self._options[name].levels
        return levels[: levels.index(selection[name])]

    def _may_try(self) -> bool:
        self._trials -= 1
        return self._trials >= 0
