"""Compiles what is loaded after each rules file, as Falco's rule_loader_compiler.cpp.

A rule may use only macros that are defined by the end of its own file, and a macro only macros that
were defined before the macro was last defined or changed. The order of lists is free, and an
unknown word is no error. What macros use is looked at once a rule uses them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resources.conditions.condition import BadCondition
from resources.conditions.environment import SYSCALL
from resources.conditions.event_types import NAMES, Restricts, resolve
from resources.conditions.output_format import format_problem
from resources.conditions.value_types import EVENT
from resources.rules.loaded import Loaded, LoadedMacro, LoadedRule, Place, find_loop
from resources.rules.rule_exceptions import (
    BadRuleException,
    field_names,
    with_exceptions,
)
from resources.text.messages import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from resources.conditions.condition import RuleCondition
    from resources.conditions.condition_cache import ConditionCache
    from resources.conditions.environment import Environment
    from resources.rules.rule_exceptions import RuleException


# Macros within each other of which event types are looked for.
_MAX_DEPTH = 50
# Macros that are looked at, for all rules of a file, in search of one with a problem.
_MAX_STEPS = 200_000


class Compiler:
    """Finds what Falco would refuse; `problems` and `warnings` are those of the last file."""

    def __init__(
        self,
        loaded: Loaded,
        conditions: ConditionCache,
        environment: Environment,
        hint: Callable[[str, str], str],
    ) -> None:
        self._loaded = loaded
        self._conditions = conditions
        self._environment = environment
        self._hint = hint
        self._loop_found = False
        self._any_forward = False
        self._event_types: dict[str, Restricts] = {}
        self._depth = 0
        self._bad_macros: dict[str, list[tuple[str, bool]]] = {}
        self._steps = 0
        self.problems: list[str] = []
        self.warnings: list[str] = []

    def compile(self) -> None:
        """Compile what the last file has changed, and what uses lists that it has changed."""
        self.problems, self.warnings = [], []
        self._event_types = {}
        loaded = self._loaded
        for name in loaded.touched["macro"]:
            self._compile_macro(name, loaded.macros[name])
        self._find_loop()
        self._bad_macros = self._find_bad_macros() if loaded.touched["rule"] else {}
        self._steps = _MAX_STEPS
        for name in loaded.touched["rule"]:
            self._compile_rule(name, loaded.rules[name])
        if loaded.touched["list"]:
            self._compile_users()

    def field_problems(self, exceptions: Collection[RuleException]) -> Iterator[str]:
        """Fields of exceptions that Falco does not know."""
        for name in dict.fromkeys(field_names(exceptions)):
            try:
                parsed = self._conditions.parse(f"{name} exists")
            except BadCondition:
                yield f"{shown(name)} is no field"
                continue
            if parsed.macros:
                yield f"{shown(name)} is no field"
            yield from self._missing_fields(parsed)

    def used_lists(self) -> set[str]:
        """The names of all lists that something uses."""
        used = self._loaded.lists.used_by_lists()
        for parsed in self._all_conditions():
            used.update(parsed.words, parsed.lone_words)
            used.update(name for name, _ in parsed.quoted_words)
        return used

    def _all_conditions(self) -> Iterator[RuleCondition]:
        entries: list[LoadedMacro | LoadedRule] = [*self._loaded.macros.values()]
        for entry in [*entries, *self._loaded.rules.values()]:
            parsed = self._parsed(entry)
            if parsed is not None:
                yield parsed

    def _parsed(self, entry: LoadedMacro | LoadedRule) -> RuleCondition | None:
        """The condition of a macro or rule, None if Falco cannot parse it."""
        exceptions = entry.exceptions if isinstance(entry, LoadedRule) else ()
        try:
            text = with_exceptions(entry.condition, exceptions) if exceptions else entry.condition
            return self._conditions.parse(text)
        except (BadCondition, BadRuleException):
            return None

    def _compile_macro(self, name: str, macro: LoadedMacro) -> None:
        place = Place("macro", name, macro.line)
        try:
            parsed = self._conditions.parse(macro.condition)
        except BadCondition as error:
            self.problems.append(f"{place}: key condition: {error}")
            return
        macros = self._loaded.macros
        known = {
            other
            for other in parsed.macros
            if other in macros and macros[other].index < macro.visibility
        }
        self._any_forward |= any(macros[other].index >= macro.index for other in known)
        self._unknown_macros(place, (other for other in parsed.macros if other not in known))
        self._use_lists(place, parsed, self._loaded.lists.names())

    def _compile_rule(self, name: str, rule: LoadedRule) -> None:
        place = Place("rule", name, rule.line)
        if not self._environment.has_source(rule.source):
            return
        try:
            text = with_exceptions(rule.condition, rule.exceptions) if rule.exceptions else ""
            parsed = self._conditions.parse(text or rule.condition)
        except BadRuleException as error:
            self.problems.append(f"{place}: key exceptions: {error}")
            return
        except BadCondition as error:
            self.problems.append(f"{place}: key condition: {error}")
            return
        macros = self._loaded.macros
        self._unknown_macros(place, [name for name in parsed.macros if name not in macros])
        self._use_lists(place, parsed, self._loaded.lists.names())
        self._check_output(place, rule)
        self._check_use(place, rule, parsed)

    def _check_output(self, place: Place, rule: LoadedRule) -> None:
        problem, is_unknown = format_problem(rule.output, self._environment)
        if problem:
            self._refuse(place, "output", problem, skips=is_unknown and rule.skips_unknown)

    def _refuse(self, place: Place, key: str, problem: str, *, skips: bool) -> None:
        if skips:
            self.warnings.append(f"{place}: key {key}: Falco skips the rule: {problem}")
        else:
            self.problems.append(f"{place}: key {key}: {problem}")

    def _check_use(self, place: Place, rule: LoadedRule, parsed: RuleCondition) -> None:
        """Report what the condition, and the macros that it uses, cannot be used for."""
        for problem, skippable in self._use_problems(parsed):
            skips = skippable and rule.skips_unknown
            self._refuse(place, "condition", problem, skips=skips)
        for name in self._bad_macros_of(parsed):
            for problem, skippable in self._bad_macros[name]:
                skips = skippable and rule.skips_unknown
                self._refuse(place, "condition", f"macro {shown(name)}: {problem}", skips=skips)
        warns = rule.warns_event_types and rule.source == SYSCALL
        if warns and not resolve(parsed.event_types, self._macro_event_types).as_is:
            what = "it does not restrict evt.type, which costs much"
            self.warnings.append(f"{place}: key condition: {what}")

    def _use_problems(self, parsed: RuleCondition) -> list[tuple[str, bool]]:
        """Why a rule cannot use a condition; whether it is for something that is not known."""
        unknown = (*self._missing_fields(parsed), *self._missing_events(parsed))
        misfits = self._misfits(parsed, self._loaded.lists.names())
        return [
            *((problem, False) for problem in (*parsed.problems, *misfits)),
            *((problem, True) for problem in unknown),
        ]

    def _find_bad_macros(self) -> dict[str, list[tuple[str, bool]]]:
        parsed = ((name, self._parsed(macro)) for name, macro in self._loaded.macros.items())
        problems = ((name, self._use_problems(one)) for name, one in parsed if one is not None)
        return {name: few for name, few in problems if few}

    def _bad_macros_of(self, parsed: RuleCondition) -> Iterator[str]:
        """The macros with problems that a condition uses, at any depth."""
        if not self._bad_macros:
            return
        seen = set(parsed.macros)
        waiting = list(parsed.macros)
        while waiting and self._steps > 0:
            self._steps -= 1
            name = waiting.pop()
            if name in self._bad_macros:
                yield name
            macro = self._loaded.macros.get(name)
            inner = self._parsed(macro) if macro else None
            new = [other for other in inner.macros if other not in seen] if inner else []
            seen.update(new)
            waiting += new

    def _missing_fields(self, parsed: RuleCondition) -> Iterator[str]:
        for name in parsed.fields:
            if not self._environment.has_field(name):
                yield self._environment.missing_field(name)

    def _missing_events(self, parsed: RuleCondition) -> Iterator[str]:
        for name in parsed.events:
            if not self._environment.has_event(name):
                yield f"there is no type of events {shown(name)}"

    def _macro_event_types(self, name: str) -> Restricts:
        if name not in self._event_types:
            # No warning for macros that use themselves, or that are nested too deeply.
            self._event_types[name] = NAMES
            macro = self._loaded.macros.get(name)
            parsed = self._parsed(macro) if macro and self._depth < _MAX_DEPTH else None
            self._depth += 1
            if parsed is not None:
                types = resolve(parsed.event_types, self._macro_event_types)
                self._event_types[name] = types
            self._depth -= 1
        return self._event_types[name]

    def _unknown_macros(self, place: Place, names: Iterable[str]) -> None:
        for name in names:
            hint = self._hint("macro", name)
            self.problems.append(
                f"{place}: key condition: there is no macro {shown(name)} before it{hint}"
            )

    def _use_lists(self, place: Place, parsed: RuleCondition, lists: Collection[str]) -> None:
        """Report uses of these lists that Falco would refuse."""
        known = self._loaded.lists
        problems: dict[str, str] = {}
        for name in dict.fromkeys((*parsed.words, *parsed.lone_words)):
            if name in lists:
                count, problem = known.shape(name)
                if not problem and name in parsed.lone_words and count != 1:
                    problem = f"it stands where there is room for one value, and has {count}"
                if problem:
                    problems[name] = problem
        for name, problem in problems.items():
            self.problems.append(
                f"{place}: key condition: list {shown(name)} cannot be used: {problem}"
            )
        self._quoted_lists(place, parsed, lists)

    def _misfits(self, parsed: RuleCondition, lists: Collection[str]) -> list[str]:
        """Why Falco refuses a rule for items of these lists that are no values of a field."""
        if not self._environment.vocabulary.is_known:
            return []
        problems = {}
        for name, kind in parsed.typed_words:
            open_events = kind == EVENT and self._environment.has_event("")
            if name in lists and not open_events:
                problem = self._loaded.lists.misfit(name, kind)
                problems.update({name: problem} if problem else {})
        return [
            f"list {shown(name)} cannot be used: {problem}" for name, problem in problems.items()
        ]

    def _quoted_lists(self, place: Place, parsed: RuleCondition, lists: Collection[str]) -> None:
        for name, quote in parsed.quoted_words:
            if name not in lists:
                continue
            what = f"Falco puts the items of list {shown(name)} into the quoted text"
            if self._loaded.lists.breaks(name, quote):
                text = f"{what}, which their quotes end"
                self.problems.append(f"{place}: key condition: {text}")
            else:
                text = f"{what}, where the name of the list stands"
                self.warnings.append(f"{place}: key condition: {text}")

    def _find_loop(self) -> None:
        """Report the first macro that uses itself, directly or through other macros."""
        if not self._any_forward or self._loop_found:
            return
        done: set[str] = set()
        for start in self._loaded.macros:
            looping = find_loop(start, self._uses, done)
            if looping:
                self._loop_found = True
                place = Place("macro", looping, self._loaded.macros[looping].line)
                self.problems.append(f"{place}: key condition: it comes back to itself")
                return

    def _uses(self, name: str) -> Iterable[str]:
        parsed = self._parsed(self._loaded.macros[name])
        return [used for used in parsed.macros if used in self._loaded.macros] if parsed else ()

    def _compile_users(self) -> None:
        """Check earlier rules and macros again if they use lists that this file has changed."""
        touched = self._loaded.touched
        changed = self._loaded.lists.containing(touched["list"])
        kinds: tuple[tuple[str, dict[str, LoadedMacro] | dict[str, LoadedRule]], ...] = (
            ("macro", self._loaded.macros),
            ("rule", self._loaded.rules),
        )
        for kind, entries in kinds:
            for name, entry in entries.items():
                if name not in touched[kind]:
                    place = Place(kind, name, entry.line, " of an earlier file")
                    parsed = self._parsed(entry)
                    if parsed is not None:
                        self._use_lists(place, parsed, changed)
                    if parsed is not None and kind == "rule":
                        misfits = self._misfits(parsed, changed)
                        self.problems += [f"{place}: key condition: {text}" for text in misfits]
