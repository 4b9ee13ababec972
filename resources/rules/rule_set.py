"""The rules files of a node, loaded in order as Falco's engine loads them.

As in rule_loader_collector.cpp and rule_loader_compiler.cpp: after each file, all that is loaded so
far must compile. So a rule may use only macros that are defined by the end of its own file, and a
macro only macros that were defined before the macro was last defined or changed. The order of lists
is free, and an unknown word is no error. Required plugins are checked once all files are loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from resources.rules.condition import BadCondition
from resources.rules.items import (
    EngineRequirement,
    Item,
    ListItem,
    MacroItem,
    RuleChange,
    RuleItem,
    RulesContent,
)
from resources.rules.lists import RuleLists
from resources.rules.rule_exceptions import BadRuleException, RuleException, merged, with_exceptions
from resources.rules.versions import semantic_version
from resources.text.messages import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from resources.rules.condition import RuleCondition
    from resources.rules.condition_cache import ConditionCache


class _Place(NamedTuple):
    """The name of an item in messages."""

    kind: str
    name: str
    line: int
    where: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {shown(self.name)} (line {self.line}){self.where}"


@dataclass(slots=True)
class _Macro:
    """A macro; `index` counts when it was first defined, `visibility` when it was last changed."""

    line: int
    index: int
    visibility: int
    condition: str


@dataclass(slots=True)
class _Rule:
    line: int
    source: str
    condition: str
    exceptions: tuple[RuleException, ...]


class RuleSet:
    """All rules, macros and lists that are loaded so far; `load` adds those of a file."""

    def __init__(self, engine: str, conditions: ConditionCache, later: Mapping[str, str]) -> None:
        """`later` maps the name of a macro to the file that defines it, for messages."""
        self._engine = semantic_version(engine)
        self._conditions = conditions
        self._later = later
        self._count = 0
        self._lists = RuleLists()
        self._macros: dict[str, _Macro] = {}
        self._rules: dict[str, _Rule] = {}
        self._problems: list[str] = []
        # The names that the file being loaded defines or changes, by kind, as ordered sets.
        self._touched: dict[str, dict[str, None]] = {}
        self._loop_found = False
        self._any_forward = False

    def load(self, content: RulesContent) -> list[str]:
        """Load the next file; return the reasons for which Falco would refuse it."""
        self._problems = []
        self._touched = {"list": {}, "macro": {}, "rule": {}}
        for item in content.items:
            self._item(item)
        self._compile()
        return self._problems

    def _item(self, item: Item) -> None:
        match item:
            case EngineRequirement():
                self._engine_requirement(item)
            case ListItem():
                self._list(item)
            case MacroItem():
                self._macro(item)
            case RuleItem():
                self._rule(item)
            case RuleChange():
                self._change(item)

    def _engine_requirement(self, item: EngineRequirement) -> None:
        required = semantic_version(item.version)
        if self._engine and required and not self._engine.satisfies(required):
            self._problems.append(
                f"required_engine_version (line {item.line}): "
                f"needs engine {required}, this Falco has {self._engine}"
            )

    def _list(self, item: ListItem) -> None:
        if self._lists.take(item):
            self._touched["list"][item.name] = None
        else:
            self._missing_target("list", item.line, item.name, "append to")

    def _macro(self, item: MacroItem) -> None:
        present = self._macros.get(item.name)
        if item.appends and present is None:
            self._missing_target("macro", item.line, item.name, "append to")
            return
        text = item.condition
        if item.appends and present:
            text = f"{present.condition} {text}"
        index = present.index if present else self._count
        self._macros[item.name] = _Macro(item.line, index, self._count, text)
        self._count += 1
        self._touched["macro"][item.name] = None

    def _rule(self, item: RuleItem) -> None:
        present = self._rules.get(item.name)
        if present and present.source != item.source:
            self._problems.append(
                f"{_Place('rule', item.name, item.line)}: key source: the rule is there already "
                f"with source {shown(present.source)}, and cannot change to {shown(item.source)}"
            )
            return
        self._rules[item.name] = _Rule(item.line, item.source, item.condition, item.exceptions)
        self._touched["rule"][item.name] = None

    def _change(self, item: RuleChange) -> None:
        present = self._rules.get(item.name)
        if present is None:
            self._missing_target("rule", item.line, item.name, "change")
            return
        present.line = item.line
        if item.condition is not None:
            present.condition = (
                f"{present.condition} {item.condition}" if item.appends else item.condition
            )
        if item.exceptions is not None:
            self._change_exceptions(present, item, item.exceptions)
        self._touched["rule"][item.name] = None

    def _change_exceptions(
        self, rule: _Rule, item: RuleChange, exceptions: tuple[RuleException, ...]
    ) -> None:
        try:
            rule.exceptions = merged(rule.exceptions, exceptions) if item.appends else exceptions
        except BadRuleException as error:
            place = _Place("rule", item.name, item.line)
            self._problems.append(f"{place}: key exceptions: {error}")

    def _missing_target(self, kind: str, line: int, name: str, what: str) -> None:
        self._problems.append(f"{_Place(kind, name, line)}: there is no {kind} before it to {what}")

    def _compile(self) -> None:
        for name in self._touched["macro"]:
            self._compile_macro(name, self._macros[name])
        for name in self._touched["rule"]:
            self._compile_rule(name, self._rules[name])
        self._find_loop()
        if self._touched["list"]:
            self._compile_users()

    def _compile_macro(self, name: str, macro: _Macro) -> None:
        place = _Place("macro", name, macro.line)
        try:
            parsed = self._conditions.parse(macro.condition)
        except BadCondition as error:
            self._problems.append(f"{place}: key condition: {error}")
            return
        known = {
            other
            for other in parsed.macros
            if other in self._macros and self._macros[other].index < macro.visibility
        }
        self._any_forward |= any(self._macros[other].index >= macro.index for other in known)
        self._unknown_macros(place, (other for other in parsed.macros if other not in known))
        self._use_lists(place, parsed, self._lists.names())

    def _compile_rule(self, name: str, rule: _Rule) -> None:
        place = _Place("rule", name, rule.line)
        try:
            text = with_exceptions(rule.condition, rule.exceptions) if rule.exceptions else ""
            parsed = self._conditions.parse(text or rule.condition)
        except BadRuleException as error:
            self._problems.append(f"{place}: key exceptions: {error}")
            return
        except BadCondition as error:
            self._problems.append(f"{place}: key condition: {error}")
            return
        self._unknown_macros(place, [name for name in parsed.macros if name not in self._macros])
        self._use_lists(place, parsed, self._lists.names())

    def _unknown_macros(self, place: _Place, names: Iterable[str]) -> None:
        for name in names:
            hint = f"; {self._later[name]} has it, but too late" if name in self._later else ""
            self._problems.append(
                f"{place}: key condition: there is no macro {shown(name)} before it{hint}"
            )

    def _use_lists(self, place: _Place, parsed: RuleCondition, lists: Collection[str]) -> None:
        """Report uses of these lists that Falco would refuse."""
        for name in dict.fromkeys((*parsed.words, *parsed.lone_words)):
            if name not in lists:
                continue
            count, problem = self._lists.shape(name)
            if not problem and name in parsed.lone_words and count != 1:
                problem = f"it stands where there is room for one value, and has {count}"
            if problem:
                self._problems.append(
                    f"{place}: key condition: list {shown(name)} cannot be used: {problem}"
                )

    def _find_loop(self) -> None:
        """Report the first macro that uses itself, directly or through other macros."""
        if not self._any_forward or self._loop_found:
            return
        done: set[str] = set()
        for start in self._macros:
            looping = _loop(start, self._uses, done)
            if looping:
                self._loop_found = True
                place = _Place("macro", looping, self._macros[looping].line)
                self._problems.append(f"{place}: key condition: it comes back to itself")
                return

    def _uses(self, name: str) -> Iterable[str]:
        try:
            used = self._conditions.parse(self._macros[name].condition).macros
        except BadCondition:
            return ()
        return [name for name in used if name in self._macros]

    def _compile_users(self) -> None:
        """Check earlier rules and macros again if they use lists that this file has changed."""
        changed = self._lists.containing(self._touched["list"])
        for kind, entries in (("macro", self._macros), ("rule", self._rules)):
            for name, entry in entries.items():
                if name not in self._touched[kind]:
                    place = _Place(kind, name, entry.line, " of an earlier file")
                    self._look_again(place, entry, changed)

    def _look_again(self, place: _Place, entry: _Macro | _Rule, changed: Collection[str]) -> None:
        exceptions = entry.exceptions if isinstance(entry, _Rule) else ()
        try:
            text = with_exceptions(entry.condition, exceptions) if exceptions else entry.condition
            parsed = self._conditions.parse(text)
        except (BadCondition, BadRuleException):
            return
        self._use_lists(place, parsed, changed)


def _loop(start: str, uses: Callable[[str], Iterable[str]], done: set[str]) -> str:
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
