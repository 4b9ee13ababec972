"""The rules files of a node, loaded in order as Falco's engine loads them.

As in rule_loader_collector.cpp: what a file defines is joined to what the files before it have
defined. After each file all of it must compile (`resources.rules.compiler`). Required plugins are
checked once all files are loaded.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from resources.conditions.output_format import format_problem
from resources.rules.compiler import Compiler
from resources.rules.items import (
    EngineRequirement,
    Item,
    ListItem,
    MacroItem,
    RuleChange,
    RuleItem,
    RulesContent,
)
from resources.rules.loaded import Loaded, LoadedMacro, LoadedRule, Place
from resources.rules.rule_exceptions import BadRuleException, RuleException, merged
from resources.rules.versions import semantic_version
from resources.text.messages import listed, shown

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from resources.conditions.condition_cache import ConditionCache
    from resources.conditions.environment import Environment

Definition = tuple[str, str]
_PRIORITY = re.compile(r"([0-9]{2})-", re.ASCII)


class ExtraOutput(NamedTuple):
    """A text that the configuration adds to the outputs of rules; empty criteria match all."""

    text: str
    source: str = ""
    tags: frozenset[str] = frozenset()
    rule: str = ""


class RuleSet:
    """All rules, macros and lists that are loaded so far; `load` adds those of a file."""

    def __init__(
        self,
        engine: str,
        conditions: ConditionCache,
        later: Mapping[Definition, str],
        environment: Environment,
        falco: tuple[int, int] | None = None,
    ) -> None:
        """`later` maps kind and name to the file that defines it, for messages."""
        self._engine = semantic_version(engine)
        self._later = later
        self._environment = environment
        self._falco = falco
        self._count = 0
        self._file = ""
        self._loaded = Loaded()
        self._compiler = Compiler(self._loaded, conditions, environment, self._hint)
        self._problems: list[str] = []
        self.warnings: list[str] = []

    def load(self, content: RulesContent, file: str = "") -> list[str]:
        """Load the next file; return the reasons for which Falco would refuse it.

        `warnings` are those of the file that was loaded last.
        """
        self._file = file
        self._problems, self.warnings = [], []
        self._loaded.begin()
        for item in content.items:
            self._item(item)
        self._compiler.compile()
        self.warnings += self._compiler.warnings
        return [*self._problems, *self._compiler.problems]

    def unused(self, content: RulesContent) -> list[str]:
        """Warnings about lists and macros of a file that nothing uses, once all are loaded."""
        lists = [item for item in content.items if isinstance(item, ListItem) and not item.appends]
        used = self._compiler.used_lists() if lists else set()
        macros = {item.name: item.line for item in content.items if isinstance(item, MacroItem)}
        unused = sorted(macros.keys() - self._compiler.used_macros()) if macros else []
        # A file may bring many macros for others to use: one warning is enough.
        return [
            *(f"macros that nothing uses: {listed(unused)}" for _ in unused[:1]),
            *(
                f"{Place('list', item.name, item.line)}: nothing uses it"
                for item in lists
                if item.name not in used
            ),
        ]

    def extra_output_problem(self, extra: ExtraOutput) -> str:
        """Why Falco could not add the text to the outputs of rules; empty if it can."""
        problem, _ = format_problem(extra.text, self._environment)
        if not problem:
            return ""
        for name, rule in self._loaded.rules.items():
            fits = extra.source in {"", rule.source} and extra.rule in {"", name}
            if fits and extra.tags <= rule.tags and self._environment.has_source(rule.source):
                return f"{problem} (in the output of rule {shown(name)})"
        return ""

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
        if self._loaded.lists.take(item):
            self._loaded.touch("list", item.name)
        else:
            self._missing_target("list", item.line, item.name, "append to")

    def _macro(self, item: MacroItem) -> None:
        present = self._loaded.macros.get(item.name)
        if item.appends and present is None:
            self._missing_target("macro", item.line, item.name, "append to")
            return
        text = item.condition
        if item.appends and present:
            text = f"{present.condition} {text}"
        index = present.index if present else self._count
        self._loaded.macros[item.name] = LoadedMacro(item.line, index, self._count, text)
        self._count += 1
        self._loaded.touch("macro", item.name)

    def _rule(self, item: RuleItem) -> None:
        if self._has_other_source(item.name, item.line, item.source):
            return
        self._loaded.rules[item.name] = LoadedRule(
            item.line,
            item.source,
            item.condition,
            item.exceptions,
            item.output,
            item.tags,
            item.skips_unknown,
            item.warns_event_types,
        )
        if not self._environment.has_source(item.source):
            place = Place("rule", item.name, item.line)
            source = shown(item.source)
            self.warnings.append(f"{place}: Falco skips it, for there is no source {source}")
        self._check_fields(item.name, item.line, item.source, item.exceptions)
        self._loaded.touch("rule", item.name)

    def _change(self, item: RuleChange) -> None:
        present = self._loaded.rules.get(item.name)
        if present is None:
            self._missing_target("rule", item.line, item.name, "change")
            return
        if self._has_other_source(item.name, item.line, item.source):
            return
        present.line = item.line
        present.change(item)
        if item.exceptions is not None:
            self._change_exceptions(present, item, item.exceptions)
        self._loaded.touch("rule", item.name)

    def _change_exceptions(
        self, rule: LoadedRule, item: RuleChange, exceptions: tuple[RuleException, ...]
    ) -> None:
        if not item.appends:
            rule.exceptions = exceptions
            return
        try:
            rule.exceptions = merged(rule.exceptions, exceptions, self._falco)
        except BadRuleException as error:
            place = Place("rule", item.name, item.line)
            self._problems.append(f"{place}: key exceptions: {error}")
            return
        self._check_fields(item.name, item.line, rule.source, exceptions)

    def _check_fields(
        self, name: str, line: int, source: str, exceptions: Collection[RuleException]
    ) -> None:
        """Report fields of exceptions that Falco does not know: it looks each of them up."""
        if self._environment.has_source(source):
            place = Place("rule", name, line)
            for problem in self._compiler.field_problems(exceptions):
                self._problems.append(f"{place}: key exceptions: {problem}")

    def _has_other_source(self, name: str, line: int, source: str) -> bool:
        present = self._loaded.rules.get(name)
        if present is None or source in {"", present.source}:
            return False
        self._problems.append(
            f"{Place('rule', name, line)}: key source: the rule is there already "
            f"with source {shown(present.source)}, and cannot change to {shown(source)}"
        )
        return True

    def _missing_target(self, kind: str, line: int, name: str, what: str) -> None:
        hint = self._hint(kind, name)
        place = Place(kind, name, line)
        self._problems.append(f"{place}: there is no {kind} before it to {what}{hint}")

    def _hint(self, kind: str, name: str) -> str:
        """Which file has what is missing, and which priority would do."""
        file = self._later.get((kind, name), "")
        if not file or file == self._file:
            return f"; {file} has it, but too late" if file else ""
        theirs, ours = _PRIORITY.match(file), _PRIORITY.match(self._file)
        hint = f"; {file} has it, but is loaded later"
        if theirs and ours and int(theirs[1]) < _HIGHEST:
            hint += f": give this artifact a priority of {int(theirs[1]) + 1} or more"
        elif theirs and ours:
            hint += f": give that artifact a priority of {int(ours[1]) - 1} or less"
        return hint


_HIGHEST = 99
