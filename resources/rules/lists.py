"""The lists that rules files define, and the values that each puts into a condition.

Falco replaces the name of a list by its items, and items that name lists by the items of those,
whatever the order of their definitions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, KeysView

    from resources.rules.items import ListItem

_MAX_LIST_DEPTH = 50


@dataclass(slots=True)
class _List:
    values: int
    problem: str
    items: list[str]


class RuleLists:
    """All lists that are loaded so far, by name."""

    def __init__(self) -> None:
        self._lists: dict[str, _List] = {}
        self._shapes: dict[str, tuple[int, str]] = {}

    def names(self) -> KeysView[str]:
        """The names of all lists."""
        return self._lists.keys()

    def take(self, item: ListItem) -> bool:
        """Define a list or append to it; false if it would append to a list that does not exist."""
        present = self._lists.get(item.name)
        if item.appends and present is None:
            return False
        self._shapes.clear()
        if item.appends and present:
            present.values += item.values
            present.problem = present.problem or item.problem
            present.items.extend(item.items)
        else:
            self._lists[item.name] = _List(item.values, item.problem, list(item.items))
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
