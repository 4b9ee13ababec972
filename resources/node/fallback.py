"""Which versions to take of things that depend on each other, so that all of them fit together.

What is wanted is taken wherever that is possible; else what is installed; else nothing. What is
installed and would do is never given up for a change of something else: then that change waits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from resources.node.check_request import Choice
    from resources.text.messages import Finding

Selection: TypeAlias = "dict[str, Choice]"


class Options(NamedTuple):
    """What there is to choose from for one thing.

    `levels` has the best first and what is always possible last. `installed` is the level that
    means no change, which is "none" for something new.
    """

    levels: tuple[Choice, ...]
    installed: Choice


class ChosenSelection(NamedTuple):
    """The selection, and what was found with the better levels of each that did not get them."""

    selection: Selection
    reasons: dict[tuple[str, Choice], Sequence[Finding]]


class Chooser:
    """Looks for a selection without findings; `evaluate` tells the findings of one.

    Things are considered in the order of `options`. After a number of evaluations that is linear
    in the number of things all fits; at most `trials` more are spent on getting more of what is
    wanted.
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
        # Findings with what cannot be changed, which no choice of ours mends.
        self._standing: set[Finding] = set()
        self._reasons: dict[tuple[str, Choice], Sequence[Finding]] = {}

    def choose(self) -> ChosenSelection:
        """Return the best selection that was found."""
        selection: Selection = {name: options.levels[0] for name, options in self._options.items()}
        if self._findings(selection):
            base = self._base()
            selection = self._raised(self._lowered(selection, base))
        reasons = {
            (name, level): found
            for (name, level), found in self._reasons.items()
            if level in self._above(name, selection)
        }
        return ChosenSelection(selection, reasons)

    def _findings(self, selection: Selection) -> list[Finding]:
        return [found for found in self._evaluate(selection) if found not in self._standing]

    def _base(self) -> Selection:
        """What can stay of what is installed, if nothing new comes."""
        base: Selection = {name: options.installed for name, options in self._options.items()}
        dropped = []
        while found := self._findings(base):
            first = found[0]
            lowest = self._options[first.origin].levels[-1]
            if base[first.origin] == lowest:
                self._standing.add(first)
                continue
            base[first.origin] = lowest
            dropped.append(first.origin)
        for name in dropped:
            restored: Selection = {**base, name: self._options[name].installed}
            if not self._findings(restored):
                base = restored
        return base

    def _lowered(self, selection: Selection, base: Selection) -> Selection:
        """Give up what does not fit, step by step; all levels stay at or above those of `base`."""
        while found := self._findings(selection):
            changed = dict.fromkeys(
                one.origin for one in found if self._is_change(one.origin, selection)
            )
            if not changed:
                changed = dict.fromkeys(self._culprits(found[0], selection, base))
            for name in changed:
                own = [one for one in found if one.origin == name]
                self._reasons[name, selection[name]] = own or found[:1]
                selection = {**selection, name: self._below(name, selection, base)}
        return selection

    def _is_change(self, name: str, selection: Selection) -> bool:
        options = self._options[name]
        return selection[name] not in {options.installed, options.levels[-1]}

    def _culprits(self, found: Finding, selection: Selection, base: Selection) -> list[str]:
        """Who has to give way where the finding is with something that is installed."""
        if selection[found.origin] != base[found.origin]:
            return [found.origin]
        above = [name for name in self._options if selection[name] != base[name]]
        for name in reversed(above):
            if not self._may_try():
                break
            if found not in self._evaluate({**selection, name: base[name]}):
                return [name]
        return above

    def _below(self, name: str, selection: Selection, base: Selection) -> Choice:
        levels = self._options[name].levels
        if not self._is_change(name, selection):
            return base[name]
        return levels[levels.index(selection[name]) + 1]

    def _raised(self, selection: Selection) -> Selection:
        """Take more of what is wanted, one thing after the other, until no more fits."""
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
            found = self._findings(trial)
            if not found:
                return trial
            self._reasons[name, level] = found
        return selection

    def _above(self, name: str, selection: Selection) -> tuple[Choice, ...]:
        levels = self._options[name].levels
        return levels[: levels.index(selection[name])]

    def _may_try(self) -> bool:
        self._trials -= 1
        return self._trials >= 0
