"""The lists that rules files define: what they amount to in a condition.

Falco replaces the name of a list by its items, and those that are lists by theirs, in any order.
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
    """Lists by name."""

    def __init__(self) -> None:
        self._lists: dict[str, _List] = {}
        self._shapes: dict[str, tuple[int, str]] = {}

    def names(self) -> KeysView[str]:
        """Their names."""
        return self._lists.keys()

    def take(self, item: ListItem) -> bool:
        """Define a list or append to one; false if there is none to append to."""
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
        """How many values it amounts to, and why it cannot be used, if so."""
        if name in self._shapes:
            return self._shapes[name]
        found = self._lists[name]
        count, problem = found.values, found.problem
        if depth > _MAX_LIST_DEPTH:
            return count, f"lists are nested deeper than {_MAX_LIST_DEPTH}"
        # What comes back to itself counts as one value there.
        self._shapes[name] = (1, "")
        for item in found.items:
            if item in self._lists:
                values, inner = self.shape(item, depth + 1)
                count += values - 1
                problem = problem or inner
        self._shapes[name] = (count, problem)
        return count, problem

    def containing(self, names: Iterable[str]) -> set[str]:
        """These lists, and all that have one of them among their items, however deep."""
        found, new = set(names), set(names)
        while new:
            new = {
                name
                for name, entry in self._lists.items()
                if name not in found and not new.isdisjoint(entry.items)
            }
            found |= new
        return found
