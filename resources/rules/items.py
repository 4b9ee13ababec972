"""What rules files are made of: of every item what other files may have to do with."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from resources.rules.rule_exceptions import RuleException


class EngineRequirement(NamedTuple):
    """`version` is semantic."""

    line: int
    version: str


class PluginRequirement(NamedTuple):
    """One of several plugins must be there: names and versions, the preferred one first."""

    line: int
    alternatives: tuple[tuple[str, str], ...]


class ListItem(NamedTuple):
    """A list, or what is appended to one.

    `values` is how many values it puts into a condition, `problem` why it cannot be put there.
    """

    line: int
    name: str
    items: tuple[str, ...]
    appends: bool
    values: int
    problem: str = ""


class MacroItem(NamedTuple):
    """A macro, or what is appended to its condition."""

    line: int
    name: str
    condition: str
    appends: bool


class RuleItem(NamedTuple):
    """A new rule."""

    line: int
    name: str
    condition: str
    source: str
    exceptions: tuple[RuleException, ...]


class RuleChange(NamedTuple):
    """What is appended to a rule that must be there, or replaces parts of it, or switches it.

    `condition` and `exceptions` are None where the change does not touch them.
    """

    line: int
    name: str
    appends: bool
    condition: str | None = None
    exceptions: tuple[RuleException, ...] | None = None


Item: TypeAlias = (
    EngineRequirement | PluginRequirement | ListItem | MacroItem | RuleItem | RuleChange
)


class RulesContent(NamedTuple):
    """A rules file; with problems Falco would not accept it, whatever the other files are.

    `values` is how many values its YAML has.
    """

    items: tuple[Item, ...] = ()
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    values: int = 0
