"""Comparisons of a field or function with values, as libsinsp parses and compiles them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from resources.conditions.condition_text import BLANKS, IDENTIFIER, NUMBER
from resources.conditions.condition_warnings import value_warning
from resources.conditions.event_types import EXISTS, NEUTRAL, EventTypes, compared
from resources.conditions.functions import Fault, Operand, OperandReader
from resources.conditions.value_types import (
    EVENT,
    MODIFIERS,
    MODIFIERS_SINCE,
    WORD,
    kind_of_value,
    operator_problem,
    value_problem,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from resources.conditions.condition_text import ConditionText
    from resources.conditions.vocabulary import Vocabulary

_OPERATOR = re.compile(
    r"(?P<unary>exists)"
    r"|(?P<number><=|<|>=|>)"
    r"|(?P<text>==|=|!=|(?:glob|iglob|contains|icontains|bcontains|startswith|bstartswith"
    r"|endswith|regex)(?=[ \t\b\r\n]))"
    r"|(?P<list>intersects|in|pmatch)"
)
# A modifier takes a list, and neither "and", "or" nor "not" is one.
_MODIFIER = re.compile(
    r"(?:oneof|anyof|allof)[ \t\b\r\n]+"
    r"(?=\(|(?!(?:and|or|not)(?![a-zA-Z0-9]))[a-zA-Z\ue000-\uefff])"
)
# The name of a list, or the character that stands for it (`ConditionCache`).
_NAME = re.compile(rf"{IDENTIFIER.pattern}|[\ue000-\uefff]")
# With these Falco looks for the types of events.
_OF_EVENT_TYPES = frozenset({"=", "==", "!=", "in", "exists"})
_OF_AROUND = frozenset({"=", "==", "exists"})
_EVENT_TYPES = frozenset({"evt.type", "syscall.type"})


def _is_none(_: str) -> bool:
    return False


class ComparisonReader:
    """Reads comparisons, and gathers what they use.

    Of bare words, only those in `lists` are taken for names of lists, of all if it is None.
    """

    def __init__(
        self, text: ConditionText, vocabulary: Vocabulary, lists: Collection[str] | None
    ) -> None:
        self._text = text
        self._vocabulary = vocabulary
        self._lists = lists
        self._operands = OperandReader(text, vocabulary)
        # The values of the comparison that is read, and whether each is bare.
        self._compared: list[tuple[str, bool]] = []
        self.words: set[str] = set()
        self.lone_words: set[str] = set()
        self.fields = self._operands.fields
        self.faults = self._operands.faults
        self.warnings = self._operands.warnings

    def comparison(self) -> EventTypes | None:
        """Read a comparison; None if the text goes on with no field and no function."""
        left = self._operands.operand()
        if left is None:
            return None
        self._text.skip(BLANKS)
        match = self._text.match(_OPERATOR)
        if match is None:
            self._text.fail("an operator")
        kind, operator = match.lastgroup, match[0]
        self._text.syntax_words.add(operator)
        if self._text.blanks() and kind == "text":
            operator = self._modified(operator)
        self._operator(left, operator)
        self._compared.clear()
        if kind != "unary" and not self._right_side(left, operator):
            if kind == "number":
                if not self._value(left, operator, self._text.skip(NUMBER)):
                    self._text.fail("a number")
            elif kind == "list" or operator != match[0]:
                self._several(left, operator)
            else:
                self._single(left, operator)
        if left.name in _EVENT_TYPES and operator in {"=", "==", "in", "!="}:
            is_list = self._lists.__contains__ if self._lists is not None else _is_none
            values = [
                value for value, is_bare in self._compared if not (is_bare and is_list(value))
            ]
            lists = {value for value, is_bare in self._compared if is_bare and is_list(value)}
            return compared(values, lists, differs=operator == "!=")
        return EXISTS if left.uses_event_type and kind == "unary" else NEUTRAL

    def _modified(self, operator: str) -> str:
        if not self._vocabulary.release_has(MODIFIERS_SINCE):
            return operator
        modifier = self._text.skip(_MODIFIER)
        self._text.syntax_words.add(modifier.strip())
        return f"{operator} {modifier.strip()}" if modifier else operator

    def _operator(self, left: Operand, operator: str) -> None:
        if problem := operator_problem(left.field, operator):
            self._problem(f"{left.name or 'a function'}: {problem}")
        if left.root.startswith("evt.around[") and operator.partition(" ")[0] not in _OF_AROUND:
            self._problem("evt.around is compared by = only")
        if left.uses_event_type and left.is_function and operator in _OF_EVENT_TYPES:
            self._problem("a function of evt.type cannot be compared")

    def _right_side(self, left: Operand, operator: str) -> bool:
        """Read a function as the value; false if none is next."""
        if operator.endswith(MODIFIERS):
            return False
        right = self._operands.function()
        if right is None:
            return False
        if left.uses_event_type and operator in _OF_EVENT_TYPES:
            self._problem("evt.type cannot be compared with a field")
        if operator in {"pmatch", "regex"}:
            self._problem(f"operator {operator} does not compare with a field")
        for side in (left, right):
            if not side.field.compares_with_fields or side.field.type == "IPNET":
                self._problem(f"{side.name} is not compared with a field")
        types = [(side.field.type, side.field.is_list) for side in (left, right)]
        # Of a function of several arguments on the left Falco does not compare the type.
        are_told = not left.is_of_several and left.field.type and right.field.type
        if are_told and types[0] != types[1]:
            self._problem(f"{left.name or 'a function'} and its value are not of one type")
        return True

    def _value(self, left: Operand, operator: str, text: str) -> bool:
        """Check a value that is no name of a list; false if it is empty."""
        kind = kind_of_value(left.field, left.root, operator)
        known = self._vocabulary.is_known and left.root not in self.fields
        problem = value_problem(kind, text) if known else ""
        if warning := value_warning(left.name, operator, text, self._vocabulary):
            self.warnings[warning] = None
        if problem and kind == EVENT:
            self.faults[Fault("event", text)] = None
        elif problem:
            self._problem(f"{left.name or 'a function'}: {problem}")
        return bool(text)

    def _word(self, left: Operand, operator: str, word: str, names: set[str]) -> None:
        self._compared.append((word, True))
        if self._lists is None or word in self._lists:
            names.add(word)
            if kind := kind_of_value(left.field, left.root, operator):
                self.faults[Fault("list", word, kind)] = None
        if self._lists is None or word not in self._lists:
            self._value(left, operator, word)

    def _single(self, left: Operand, operator: str) -> None:
        value = self._text.value()
        if value is None:
            self._text.fail("a value")
        self._use(left, operator, value, self.lone_words)

    def _several(self, left: Operand, operator: str) -> None:
        if self._text.take("("):
            for value in self._text.values():
                self._use(left, operator, value, self.words)
            if not self._text.take(")"):
                self._text.fail("a ')'")
            return
        name = self._text.skip(_NAME)
        if not name:
            self._text.fail("a '(' or the name of a list")
        if self._lists is None or name in self._lists:
            self.faults[Fault("list", name, WORD)] = None
        self._word(left, operator, name, self.lone_words)

    def _use(self, left: Operand, operator: str, value: tuple[str, bool], names: set[str]) -> None:
        text, is_bare = value
        if is_bare:
            self._word(left, operator, text, names)
        else:
            self._compared.append(value)
            self._value(left, operator, text)

    def _problem(self, text: str) -> None:
        self.faults[Fault("problem", text)] = None
