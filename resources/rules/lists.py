"""The lists that rules files define, and the values that each puts into a condition.

Falco replaces the name of a list by its items, and items that name lists by the items of those,
whatever the order of their definitions.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from resources.conditions.event_types import NO_TYPES
from resources.conditions.value_types import KINDS, WORD, value_problem
from resources.rules.rule_exceptions import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, KeysView

    from resources.rules.items import ListItem

_MAX_LIST_DEPTH = 50
# Items of lists that are looked at, for all uses of lists, in search of lists in lists.
_MAX_STEPS = 1_000_000
# Items of a list that are no value of a kind, of which the first are kept.
_MAX_MISFITS = 5


def joined(items: Iterable[str]) -> str:
    """The text that Falco puts in place of the name of a list with these items."""
    texts = [quoted(item) for item in items]
    # Before the first text that is not empty Falco puts no comma.
    start = next((place for place, text in enumerate(texts) if text), len(texts))
    return ", ".join(texts[start:])


def misfits(values: Iterable[str], items: Iterable[str]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """By kind of value, the first of the values that are no such value; of words, of the items.

    Values are items without their quotes.
    """
    found: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for value in values:
        for kind, few in found.items():
            if kind != WORD and len(few) < _MAX_MISFITS and value_problem(kind, value):
                few.append(value)
    # Falco puts nothing in the place of the first items that are empty.
    used = itertools.dropwhile(lambda item: not item, items)
    wrong = (item for item in used if value_problem(WORD, item))
    found[WORD] = list(itertools.islice(wrong, _MAX_MISFITS))
    return tuple((kind, tuple(few)) for kind, few in found.items() if few)


@dataclass(slots=True)
class _List:
    """A list; `index` counts when it was first defined, `visibility` when it was last changed."""

    line: int
    values: int
    problem: str
    items: list[str]
    misfits: dict[str, tuple[str, ...]]
    quotes: str
    event_types: int
    index: int
    visibility: int


class RuleLists:
    """All lists that are loaded so far, by name."""

    def __init__(self) -> None:
        self._lists: dict[str, _List] = {}
        self._shapes: dict[str, tuple[int, str]] = {}
        self._steps = _MAX_STEPS
        self._count = 0

    def names(self) -> KeysView[str]:
        """The names of all lists."""
        return self._lists.keys()

    def take(self, item: ListItem) -> bool:
        """Define a list or append to it; false if it would append to a list that does not exist."""
        present = self._lists.get(item.name)
        if item.appends and present is None:
            return False
        self._shapes.clear()
        self._count += 1
        if item.appends and present:
            present.visibility = self._count
            present.values += item.values
            present.problem = present.problem or item.problem
            present.items.extend(item.items)
            for kind, few in item.misfits:
                present.misfits[kind] = (*present.misfits.get(kind, ()), *few)
            present.quotes += item.quotes
            present.event_types |= item.event_types
        else:
            self._lists[item.name] = _List(
                item.line,
                item.values,
                item.problem,
                list(item.items),
                dict(item.misfits),
                item.quotes,
                item.event_types,
                present.index if present else self._count,
                self._count,
            )
        return True

    def shape(self, name: str, depth: int = 0) -> tuple[int, str]:
        """The number of values in the list and all lists in it, and why it cannot be used."""
        if name in self._shapes:
            return self._shapes[name]
        definition = self._lists[name]
        count, problem = definition.values, definition.problem
        if depth > _MAX_LIST_DEPTH:
            return count, f"lists are nested deeper than {_MAX_LIST_DEPTH}"
        # Within itself, a list that contains itself counts as one value.
        self._shapes[name] = (1, "")
        for item in definition.items:
            if item in self._lists:
                values, inner = self.shape(item, depth + 1)
                count += values - 1
                problem = problem or inner
        self._shapes[name] = (count, problem)
        return count, problem

    def misfit(self, name: str, kind: str) -> str:
        """Why an item of the list, or of a list in it, is no value of the kind; empty if none."""
        for inner in self._within(name):
            for item in self._lists[inner].misfits.get(kind, ()):
                if item not in self._lists and (problem := value_problem(kind, item)):
                    return problem
        return ""

    def breaks(self, name: str, quote: str) -> bool:
        """Whether the text of the list ends a text in these quotes."""
        return any(quote in self._lists[inner].quotes for inner in self._within(name))

    def event_types(self, name: str) -> int:
        """The types of events that the list names; none if there is no such list."""
        inner = self._within(name) if name in self._lists else ()
        return functools.reduce(
            int.__or__, (self._lists[one].event_types for one in inner), NO_TYPES
        )

    def line(self, name: str) -> int:
        """The line of the list's definition."""
        return self._lists[name].line

    def used_by_lists(self) -> set[str]:
        """The names of lists that are items of lists, as far as they were there by then."""
        lists = self._lists
        return {
            item
            for entry in lists.values()
            for item in entry.items
            if item in lists and lists[item].index < entry.visibility
        }

    def _within(self, name: str) -> set[str]:
        """The list, and the lists that are its items, as deep as lists may be nested.

        Once that has taken many steps, only the list itself: more would take too long.
        """
        result, new = {name}, {name}
        for _ in range(_MAX_LIST_DEPTH):
            if not new or self._steps <= 0:
                break
            items = {item for inner in new for item in self._lists[inner].items}
            self._steps -= sum(len(self._lists[inner].items) + 1 for inner in new)
            new = {item for item in items if item in self._lists and item not in result}
            result |= new
        return result

    def containing(self, names: Iterable[str]) -> set[str]:
        """These lists, and all lists that have one of them among their items, at any depth."""
        result, new = set(names), set(names)
        while new:
            new = {
                name
                for name, entry in self._lists.items()
                if name not in result and not new.isdisjoint(entry.items)
            }
            result |= new
        return result
