"""The items of rules files, with only the parts that other files can affect."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from resources.conditions.event_types import NO_TYPES

if TYPE_CHECKING:
    from resources.rules.rule_exceptions import RuleException


class EngineRequirement(NamedTuple):
    """An item `required_engine_version`; `version` is semantic."""

    line: int
    version: str


class PluginRequirement(NamedTuple):
    """An item `required_plugin_versions`: one of these plugins, (name, version), must be loaded."""

    line: int
    alternatives: tuple[tuple[str, str], ...]


class ListItem(NamedTuple):
    """A list, or items that are appended to a list.

    `values` counts the values that the items put into a condition; `problem` tells why they cannot
    be put there. `misfits` are, by kind of value, the first items that are no such value. `quotes`
    are the quotes that the items put there, `event_types` the types of events among the values.
    """

    line: int
    name: str
    items: tuple[str, ...]
    appends: bool
    values: int
    problem: str = ""
    misfits: tuple[tuple[str, tuple[str, ...]], ...] = ()
    quotes: str = ""
    event_types: int = NO_TYPES


class MacroItem(NamedTuple):
    """A macro, or a text that is appended to the condition of a macro."""

    line: int
    name: str
    condition: str
    appends: bool


class RuleItem(NamedTuple):
    """A rule with all its required keys.

    `skips_unknown`: Falco skips the rule if it uses a field or event that is unknown.
    `warns_event_types`: Falco warns if it does not restrict the types of events.
    """

    line: int
    name: str
    condition: str
    source: str
    exceptions: tuple[RuleException, ...]
    output: str = ""
    tags: frozenset[str] = frozenset()
    skips_unknown: bool = False
    warns_event_types: bool = True


class RuleChange(NamedTuple):
    """A change of an earlier rule: appends to it, replaces keys of it, or enables or disables it.

    What is None is not touched by the change; `source` is empty if the change does not name one.
    """

    line: int
    name: str
    appends: bool
    condition: str | None = None
    exceptions: tuple[RuleException, ...] | None = None
    source: str = ""
    output: str | None = None
    tags: frozenset[str] | None = None
    skips_unknown: bool | None = None
    warns_event_types: bool | None = None


Item: TypeAlias = (
    EngineRequirement | PluginRequirement | ListItem | MacroItem | RuleItem | RuleChange
)


class RulesContent(NamedTuple):
    """The content of a rules file; with problems, Falco refuses it whatever other files hold.

    `values` counts the values of its YAML. `unread`: the problem is a bound of ours, not Falco's.
    `unsafe` are the problems for which it is refused whatever a user says.
    """

    items: tuple[Item, ...] = ()
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    values: int = 0
    unread: bool = False
    unsafe: tuple[str, ...] = ()
