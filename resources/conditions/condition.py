"""Conditions of rules and macros: whether Falco can parse them, and which names they use.

The grammar is that of libsinsp (userspace/libsinsp/filter/parser.h, libs 0.25).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from resources.conditions.comparison import ComparisonReader
from resources.conditions.condition_text import (
    BARE,
    BLANKS,
    IDENTIFIER,
    BadCondition,
    ConditionText,
)
from resources.conditions.event_types import NEUTRAL, EventTypes, joined, negated
from resources.conditions.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from resources.conditions.functions import Fault

# Parentheses within each other. The official rules need 6.
_MAX_PARENTHESES = 1000
# Characters of a condition, with its exceptions and all that is appended to it. The official rules
# need 5,000.
MAX_LENGTH = 1 << 18
_MAX_PROBLEMS = 20

_NOT = re.compile(r"not(?:[ \t\b\r\n]+|(?=\())")
_JOINT = re.compile(r"(?:and|or)(?=[ \t\b\r\n(]|\Z)")
_ANY = Vocabulary(None)

__all__ = ["BadCondition", "RuleCondition", "parse", "values"]


class RuleCondition(NamedTuple):
    """The names that a condition uses, each tuple sorted.

    `macros` are the names of macros. A bare word may be the name of a list, which Falco replaces by
    the list's items before it parses the condition: `words` are the bare words within parentheses,
    where a list may have any number of items, `lone_words` those where it must have exactly one.
    `quoted_words` are those within quotes, where Falco replaces them too, with the quote,
    `misplaced` those where no value can stand.

    `faults` are what Falco may refuse once a rule uses the condition, in their order, `warnings`
    what it warns of then.
    """

    macros: tuple[str, ...]
    words: tuple[str, ...] = ()
    lone_words: tuple[str, ...] = ()
    quoted_words: tuple[tuple[str, str], ...] = ()
    misplaced: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    warnings: tuple[str, ...] = ()
    event_types: EventTypes = NEUTRAL


def parse(
    text: str, vocabulary: Vocabulary = _ANY, lists: Collection[str] | None = None
) -> RuleCondition:
    """The names that the condition uses; of words, only those that are in `lists`, if given.

    Raises:
        BadCondition: Falco would not accept the condition.
    """
    if len(text) > MAX_LENGTH:
        raise BadCondition(f"it is longer than {MAX_LENGTH} characters")
    return _Parser(ConditionText(text), vocabulary, lists).parse()


def values(text: str) -> list[str]:
    """The values that Falco reads from a text within parentheses, such as an item of a list.

    Raises:
        BadCondition: Falco would not read only values, separated by commas.
    """
    if BARE.fullmatch(text):
        return [text]
    reader = ConditionText(text)
    result = [value for value, _ in reader.values()]
    if not reader.is_at_end():
        reader.fail("a ',' between two values")
    return result


def _shortened(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    problems = [fault for fault in faults if fault.kind == "problem"][_MAX_PROBLEMS:]
    return (
        tuple(fault for fault in faults if fault not in set(problems))
        if problems
        else tuple(faults)
    )


class _Frame:
    """What an open parenthesis holds so far, and whether it is negated as a whole.

    `tight`: it follows an "or" without a blank.
    """

    __slots__ = ("all_of", "any_of", "is_negated", "tight")

    def __init__(self, *, tight: bool, is_negated: bool) -> None:
        self.tight = tight
        self.is_negated = is_negated
        self.all_of: dict[EventTypes, None] = {}
        self.any_of: dict[EventTypes, None] = {}

    def add(self, types: EventTypes) -> None:
        self.all_of[types] = None

    def next_alternative(self) -> None:
        self.any_of[joined(self.all_of, is_and=True)] = None
        self.all_of = {}

    def event_types(self) -> EventTypes:
        self.next_alternative()
        types = joined(self.any_of, is_and=False)
        return negated(types) if self.is_negated else types


class _Parser:
    """Reads the text once from its start; open parentheses are kept on a stack."""

    def __init__(
        self, text: ConditionText, vocabulary: Vocabulary, lists: Collection[str] | None
    ) -> None:
        self._text = text
        self._lists = lists
        self._comparisons = ComparisonReader(text, vocabulary, lists)
        self._open = [_Frame(tight=False, is_negated=False)]
        self._macros: set[str] = set()

    def parse(self) -> RuleCondition:
        joint = ""
        while True:
            after_or = self._operand(right_after_or=joint == "or")
            joint = self._joint(after_or)
            if not joint:
                break
            if joint == "or":
                self._open[-1].next_alternative()
        return self._result()

    def _result(self) -> RuleCondition:
        used = self._comparisons
        lists = () if self._lists is None else self._lists
        return RuleCondition(
            tuple(sorted(self._macros)),
            tuple(sorted(used.words)),
            tuple(sorted(used.lone_words)),
            tuple(sorted(word for word in self._text.quoted_words if word[0] in lists)),
            tuple(sorted(word for word in self._text.syntax_words if word in lists)),
            _shortened(used.faults),
            tuple(used.warnings)[:_MAX_PROBLEMS],
            self._open[0].event_types(),
        )

    def _operand(self, *, right_after_or: bool) -> bool:
        """Read to the end of one check; return whether it closes the parentheses of `or(…)`."""
        tight = right_after_or and self._text.peek() == "("
        is_negated = False
        self._text.skip(BLANKS)
        while True:
            if self._text.take("("):
                self._open.append(_Frame(tight=tight, is_negated=is_negated))
                if len(self._open) > _MAX_PARENTHESES:
                    raise BadCondition(f"parentheses are nested deeper than {_MAX_PARENTHESES}")
                is_negated = False
                self._text.skip(BLANKS)
            elif self._text.skip(_NOT):
                is_negated = not is_negated
                self._text.syntax_words.add("not")
            else:
                break
            tight = False
        types = self._check()
        self._open[-1].add(negated(types) if is_negated else types)
        return self._close()

    def _close(self) -> bool:
        after_or = False
        self._text.skip(BLANKS)
        while len(self._open) > 1 and self._text.take(")"):
            frame = self._open.pop()
            self._open[-1].add(frame.event_types())
            after_or = frame.tight
            self._text.skip(BLANKS)
        return after_or

    def _joint(self, after_or: bool) -> str:
        """Read and return `and` or `or`; return an empty text if the condition ends here."""
        if self._text.is_at_end():
            if len(self._open) > 1:
                self._text.fail("a ')'")
            return ""
        joint = self._text.skip(_JOINT)
        self._text.syntax_words.add(joint)
        # After `a or(b)` libsinsp allows no `and`, although it does after `a or (b)`.
        if not joint or (joint == "and" and after_or):
            self._text.fail("'and' or 'or'" if len(self._open) == 1 else "'and', 'or' or a ')'")
        return joint

    def _check(self) -> EventTypes:
        types = self._comparisons.comparison()
        if types is not None:
            return types
        name = self._text.skip(IDENTIFIER)
        if not name:
            self._text.fail("a '(', a field or a macro")
        self._macros.add(name)
        self._text.syntax_words.add(name)
        return name
