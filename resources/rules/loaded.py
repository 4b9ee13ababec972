"""Rules, macros and lists as the files that are loaded so far have left them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from resources.rules.lists import RuleLists
from resources.text.messages import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from resources.rules.items import RuleChange
    from resources.rules.rule_exceptions import RuleException


class Place(NamedTuple):
    """The name of an item in messages."""

    kind: str
    name: str
    line: int
    where: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {shown(self.name)} (line {self.line}){self.where}"


@dataclass(slots=True)
class LoadedMacro:
    """A macro; `index` counts when it was first defined, `visibility` when it was last changed."""

    line: int
    index: int
    visibility: int
    condition: str


@dataclass(slots=True)
class LoadedRule:
    """A rule with all changes so far."""

    line: int
    source: str
    condition: str
    exceptions: tuple[RuleException, ...]
    output: str
    tags: frozenset[str]
    skips_unknown: bool
    warns_event_types: bool

    def change(self, item: RuleChange) -> None:
        """Make the changes of an item, but for those of exceptions."""
        if item.condition is not None:
            self.condition = _changed(self.condition, item.condition, appends=item.appends)
        if item.output is not None:
            self.output = _changed(self.output, item.output, appends=item.appends)
        if item.tags is not None:
            self.tags = self.tags | item.tags if item.appends else item.tags
        if item.skips_unknown is not None:
            self.skips_unknown = item.skips_unknown
        if item.warns_event_types is not None:
            self.warns_event_types = item.warns_event_types


def _changed(present: str, text: str, *, appends: bool) -> str:
    return f"{present} {text}" if appends else text


@dataclass(slots=True)
class Loaded:
    """All that is loaded so far; `touched` are names, by kind, that the last file changed."""

    lists: RuleLists = field(default_factory=RuleLists)
    macros: dict[str, LoadedMacro] = field(default_factory=dict)
    rules: dict[str, LoadedRule] = field(default_factory=dict)
    touched: dict[str, dict[str, None]] = field(default_factory=dict)

    def begin(self) -> None:
        """Begin with a file."""
        self.touched = {"list": {}, "macro": {}, "rule": {}}

    def touch(self, kind: str, name: str) -> None:
        """Note that the file defines or changes something; names keep their order."""
        self.touched[kind][name] = None


def find_loop(start: str, uses: Callable[[str], Iterable[str]], done: set[str]) -> str:
    """A macro that `start` uses and that uses itself, at any depth; empty if there is none."""
    path: dict[str, None] = {}
    stack = [(start, False)]
    while stack:
        name, leaving = stack.pop()
        if leaving:
            del path[name]
            done.add(name)
        elif name in path:
            return name
        elif name not in done:
            path[name] = None
            stack.append((name, True))
            stack.extend((used, False) for used in uses(name))
    return ""
