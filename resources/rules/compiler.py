"""Compiles what is loaded after each rules file, as Falco's rule_loader_compiler.cpp.

A rule may use only macros that are defined by the end of its own file, and a macro only macros that
were defined before the macro was last defined or changed. The order of lists is free, and an
unknown word is no error. What macros use is looked at once a rule uses them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resources.conditions.condition import BadCondition
from resources.conditions.condition_warnings import output_warnings
from resources.conditions.environment import SYSCALL
from resources.conditions.event_types import TOO_DEEP, Matches, resolve, restricts
from resources.conditions.output_format import format_problem
from resources.rules import list_uses
from resources.rules.condition_faults import FaultFinder, FoundFault
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
# Those that are left to problems once warnings have taken theirs.
_KEPT_STEPS = _MAX_STEPS // 2


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
        self._faults = FaultFinder(loaded, environment, hint)
        self._loop_found = False
        self._any_forward = False
        self._event_types: dict[str, Matches] = {}
        self._depth = 0
        self._bad_macros: dict[str, list[FoundFault]] = {}
        self._odd_macros: dict[str, tuple[str, ...]] = {}
        # By warning, the rules that it is about.
        self._warned: dict[str, list[Place]] = {}
        self._steps = 0
        self.problems: list[str] = []
        self.warnings: list[str] = []

    def compile(self) -> None:
        """Compile what the last file has changed, and what uses lists that it has changed."""
        self.problems, self.warnings = [], []
        self._warned = {}
        self._event_types = {}
        loaded = self._loaded
        for name in loaded.touched["macro"]:
            self._compile_macro(name, loaded.macros[name])
        self._find_loop()
        before = self._bad_macros
        self._find_bad_macros()
        self._steps = _MAX_STEPS
        for name in loaded.touched["rule"]:
            self._compile_rule(name, loaded.rules[name])
        if loaded.touched["list"]:
            self._compile_users()
        self._compile_users_of(
            {name for name, why in self._bad_macros.items() if why != before.get(name)}
        )
        for warning, (place, *others) in self._warned.items():
            more = f" and {len(others)} more" if others else ""
            self.warnings.append(f"{place}{more}: {warning}")

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
            yield from (text for text, _ in self._faults.faults(parsed))

    def used_lists(self) -> set[str]:
        """The names of all lists that something uses."""
        used = self._loaded.lists.used_by_lists()
        for parsed in self._all_conditions():
            used.update(parsed.words, parsed.lone_words, parsed.misplaced)
            used.update(name for name, _ in parsed.quoted_words)
        return used

    def used_macros(self) -> set[str]:
        """The names of all macros that something uses."""
        return {name for parsed in self._all_conditions() for name in parsed.macros}

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
        for warning in output_warnings(rule.output, self._environment.vocabulary):
            self._warn(place, "output", warning)
        if problem:
            self._refuse(place, "output", problem, skips=is_unknown and rule.skips_unknown)

    def _warn(self, place: Place, key: str, warning: str) -> None:
        self._warned.setdefault(f"key {key}: {warning}", []).append(place)

    def _refuse(self, place: Place, key: str, problem: str, *, skips: bool) -> None:
        if skips:
            self.warnings.append(f"{place}: key {key}: Falco skips the rule: {problem}")
        else:
            self.problems.append(f"{place}: key {key}: {problem}")

    def _check_use(self, place: Place, rule: LoadedRule, parsed: RuleCondition) -> None:
        """Report what the condition, and the macros that it uses, cannot be used for."""
        faults = self._faults.faults(parsed)
        for name in self._used(parsed, self._bad_macros):
            faults += [
                fault._replace(text=f"macro {shown(name)}: {fault.text}")
                for fault in self._bad_macros[name]
            ]
        # A rule that may be skipped is skipped over the first fault, and Falco looks no further.
        for problem, is_unknown in faults[:1] if rule.skips_unknown else faults:
            self._refuse(place, "condition", problem, skips=is_unknown and rule.skips_unknown)
        for warning in parsed.warnings:
            self._warn(place, "condition", warning)
        for name in self._used(parsed, self._odd_macros, _KEPT_STEPS):
            for warning in self._odd_macros[name]:
                self._warn(place, "condition", f"macro {shown(name)}: {warning}")
        types = parsed.event_types
        warns = rule.warns_event_types and rule.source == SYSCALL
        if warns and not restricts(types, self._macro_event_types, self._loaded.lists.event_types):
            what = "it restricts evt.type to no types, or to most, which costs much"
            self._warn(place, "condition", what)

    def _find_bad_macros(self) -> None:
        """Note the macros over which Falco refuses, or warns of, the rules that use them."""
        self._bad_macros, self._odd_macros = {}, {}
        for name, macro in self._loaded.macros.items():
            parsed = self._parsed(macro)
            if parsed is not None and (problems := self._faults.faults(parsed)):
                self._bad_macros[name] = problems
            if parsed is not None and parsed.warnings:
                self._odd_macros[name] = parsed.warnings

    def _compile_users_of(self, macros: Collection[str]) -> None:
        """Check earlier rules again if they use macros that cannot be used any more."""
        if not macros:
            return
        for name, rule in self._loaded.rules.items():
            parsed = self._parsed(rule)
            if name in self._loaded.touched["rule"] or parsed is None:
                continue
            place = Place("rule", name, rule.line, " of an earlier file")
            for macro in self._used(parsed, self._bad_macros):
                for problem, is_unknown in self._bad_macros[macro] if macro in macros else ():
                    skips = is_unknown and rule.skips_unknown
                    text = f"macro {shown(macro)}: {problem}"
                    self._refuse(place, "condition", text, skips=skips)

    def _used(
        self, parsed: RuleCondition, sought: Collection[str], kept_steps: int = 0
    ) -> Iterator[str]:
        """The macros among those that are sought that a condition uses, at any depth."""
        if not sought:
            return
        seen = set(parsed.macros)
        waiting = list(parsed.macros)
        while waiting and self._steps > kept_steps:
            self._steps -= 1
            name = waiting.pop()
            if name in sought:
                yield name
            macro = self._loaded.macros.get(name)
            inner = self._parsed(macro) if macro else None
            new = [other for other in inner.macros if other not in seen] if inner else []
            seen.update(new)
            waiting += new

    def _macro_event_types(self, name: str) -> Matches:
        if name not in self._event_types:
            # No warning for macros that use themselves, or that are nested too deeply.
            self._event_types[name] = TOO_DEEP
            macro = self._loaded.macros.get(name)
            parsed = self._parsed(macro) if macro and self._depth < _MAX_DEPTH else None
            self._depth += 1
            if parsed is not None:
                self._event_types[name] = resolve(
                    parsed.event_types, self._macro_event_types, self._loaded.lists.event_types
                )
            self._depth -= 1
        return self._event_types[name]

    def _unknown_macros(self, place: Place, names: Iterable[str]) -> None:
        for name in names:
            hint = self._hint("macro", name)
            self.problems.append(
                f"{place}: key condition: there is no macro {shown(name)} before it{hint}"
            )

    def _use_lists(self, place: Place, parsed: RuleCondition, names: Collection[str]) -> None:
        """Report uses of these lists that Falco would refuse."""
        lists = self._loaded.lists
        problems = [*list_uses.shape_problems(lists, parsed, names)]
        problems += list_uses.quoting_problems(lists, parsed, names)
        self.problems += [f"{place}: key condition: {text}" for text in problems]
        quoted = list_uses.quoting_warnings(lists, parsed, names)
        self.warnings += [f"{place}: key condition: {text}" for text in quoted]

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
                    if parsed is not None and isinstance(entry, LoadedRule):
                        for text, is_unknown in self._faults.faults_of_lists(parsed, changed):
                            skips = is_unknown and entry.skips_unknown
                            self._refuse(place, "condition", text, skips=skips)
