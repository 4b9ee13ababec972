"""Conditions of rules and macros: whether Falco can parse them, and which names they use.

The grammar is that of libsinsp (userspace/libsinsp/filter/parser.h, libs 0.25). Names of fields are
not checked, since plugins define them; of functions only the form is, since releases add new ones.
"""

from __future__ import annotations

import re
from typing import NamedTuple, NoReturn

from resources.text.messages import shown

# Parentheses within each other. Falco allows 1000; the official rules need 6.
_MAX_PARENTHESES = 100
# Characters of a condition, with its exceptions and all that is appended to it. The official rules
# need 5,000.
MAX_LENGTH = 1 << 17

_BLANKS = re.compile(r"[ \t\b\r\n]*")
_IDENTIFIER = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*")
_FIELD = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*(?:\.[a-zA-Z][a-zA-Z0-9_]*)+")
_FIELD_ARGUMENT = re.compile(r"[^\[\]\"'\s]+")
_FUNCTION = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*\(")
_NUMERIC_OPERAND = re.compile(r"0[xX][0-9a-fA-F]+|[+-]?[0-9]+\.?[0-9]*(?:[eE][+-][0-9]+)?")
_BARE = re.compile(r"[^()\"'\s=,]+")
_NOT = re.compile(r"not(?:[ \t\b\r\n]+|(?=\())")
_JOINT = re.compile(r"(?:and|or)(?=[\s\b(]|\Z)")
_OPERATOR = re.compile(
    r"(?P<unary>exists\b)"
    r"|(?P<number><=|<|>=|>)"
    r"|(?P<text>==|=|!=|(?:glob|iglob|contains|icontains|bcontains|startswith|bstartswith"
    r"|endswith|regex)(?=\s))"
    r"|(?P<list>(?:intersects|in|pmatch)\b)"
)
# A modifier takes a list; since Falco 0.44.
_MODIFIER = re.compile(r"(?:oneof|anyof|allof)[ \t\b\r\n]*(?=\()")
# libsinsp: unescape_str. Falco knows \x since 0.45.
_ESCAPES = frozenset("bfnrt \\/x")

LIST_OPERATORS = frozenset({"intersects", "in", "pmatch"})
OPERATORS = LIST_OPERATORS | frozenset(
    {"exists", "<=", "<", ">=", ">", "==", "=", "!=", "glob", "iglob", "contains", "icontains"}
    | {"bcontains", "startswith", "bstartswith", "endswith", "regex"}
)


class BadCondition(ValueError):  # noqa: N818 - it describes the condition, not a failure of ours
    """A condition that Falco cannot parse; the message shows the place."""


class RuleCondition(NamedTuple):
    """The names that a condition uses, each tuple sorted.

    `macros` are the names of macros. A bare word may be the name of a list, which Falco replaces by
    the list's items before it parses the condition: `words` are the bare words within parentheses,
    where a list may have any number of items, `lone_words` those where it must have exactly one.
    """

    macros: tuple[str, ...]
    words: tuple[str, ...]
    lone_words: tuple[str, ...]


def parse(text: str) -> RuleCondition:
    """The names that the condition uses.

    Raises:
        BadCondition: Falco would not accept the condition.
    """
    if len(text) > MAX_LENGTH:
        raise BadCondition(f"it is longer than {MAX_LENGTH} characters")
    return _Parser(text).parse()


def values(text: str) -> list[str]:
    """The values that Falco reads from a text within parentheses, such as an item of a list.

    Raises:
        BadCondition: Falco would not read only values, separated by commas.
    """
    if _BARE.fullmatch(text):
        return [text]
    parser = _Parser(text)
    result = parser.values()
    parser.end("a ',' between two values")
    return result


class _Parser:
    """Reads the text once from its start; open parentheses are kept on a stack."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        # For each open parenthesis, whether it follows an "or" without a blank.
        self._open: list[bool] = []
        self._macros: set[str] = set()
        self._words: set[str] = set()
        self._lone_words: set[str] = set()

    def parse(self) -> RuleCondition:
        joint = ""
        while True:
            after_or = self._operand(right_after_or=joint == "or")
            joint = self._joint(after_or)
            if not joint:
                break
        return RuleCondition(
            *(tuple(sorted(names)) for names in (self._macros, self._words, self._lone_words))
        )

    def values(self) -> list[str]:
        """The values up to the first text that is none; none at all are allowed."""
        self._skip(_BLANKS)
        result: list[str] = []
        while (value := self._value()) is not None:
            result.append(value)
            self._skip(_BLANKS)
            if not self._take(","):
                return result
            self._skip(_BLANKS)
        if result:
            self._fail("a value after ','")
        return result

    def end(self, expected: str) -> None:
        if self._at < len(self._text):
            self._fail(expected)

    def _operand(self, *, right_after_or: bool) -> bool:
        """Read to the end of one check; return whether it closes the parentheses of `or(…)`."""
        tight = right_after_or and self._peek() == "("
        self._skip(_BLANKS)
        while True:
            if self._take("("):
                self._open.append(tight)
                if len(self._open) > _MAX_PARENTHESES:
                    raise BadCondition(f"parentheses are nested deeper than {_MAX_PARENTHESES}")
                self._skip(_BLANKS)
            elif not self._skip(_NOT):
                break
            tight = False
        self._check()
        return self._close()

    def _close(self) -> bool:
        after_or = False
        self._skip(_BLANKS)
        while self._peek() == ")" and self._open:
            self._at += 1
            after_or = self._open.pop()
            self._skip(_BLANKS)
        return after_or

    def _joint(self, after_or: bool) -> str:
        """Read and return `and` or `or`; return an empty text if the condition ends here."""
        if self._at == len(self._text):
            if self._open:
                self._fail("a ')'")
            return ""
        joint = self._skip(_JOINT)
        # After `a or(b)` libsinsp allows no `and`, although it does after `a or (b)`.
        if not joint or (joint == "and" and after_or):
            self._fail("'and' or 'or'" if not self._open else "'and', 'or' or a ')'")
        return joint

    def _check(self) -> None:
        if self._skip(_FIELD):
            self._field_argument()
            self._comparison()
        elif self._skip(_FUNCTION):
            self._arguments()
            self._comparison()
        elif name := self._skip(_IDENTIFIER):
            self._macros.add(name)
        else:
            self._fail("a '(', a field or a macro")

    def _field_argument(self) -> None:
        if not self._take("["):
            return
        if self._quoted() is None and not self._skip(_FIELD_ARGUMENT):
            self._fail("an argument of the field")
        if not self._take("]"):
            self._fail("a ']'")

    def _comparison(self) -> None:
        self._skip(_BLANKS)
        match = _OPERATOR.match(self._text, self._at)
        if match is None:
            self._fail("an operator")
        self._at = match.end()
        self._skip(_BLANKS)
        kind = match.lastgroup
        if kind != "unary" and not self._function():
            {"number": self._number, "text": self._single, "list": self._several}[kind or ""]()

    def _function(self) -> bool:
        if not self._skip(_FUNCTION):
            return False
        self._arguments()
        return True

    def _number(self) -> None:
        if not self._skip(_NUMERIC_OPERAND):
            self._fail("a number")

    def _single(self) -> None:
        if self._skip(_MODIFIER):
            self._several()
            return
        start = self._at
        if self._value() is None:
            self._fail("a value")
        self._lone(start)

    def _several(self) -> None:
        if self._take("("):
            self._words.update(filter(None, self.values()))
            if not self._take(")"):
                self._fail("a ')'")
            return
        start = self._at
        if not self._skip(_IDENTIFIER):
            self._fail("a '(' or the name of a list")
        self._lone(start)

    def _lone(self, start: int) -> None:
        if self._text[start] not in "\"'":
            self._lone_words.add(self._text[start : self._at])

    def _value(self) -> str | None:
        """Read a value; return a bare word as it is, a quoted text as empty, None for no value."""
        return self._quoted() if self._peek() in {'"', "'"} else self._skip(_BARE) or None

    def _quoted(self) -> str | None:
        quote = self._peek()
        if quote not in {'"', "'"}:
            return None
        end = self._text.find(quote, self._at + 1)
        while end > 0 and self._text[end - 1] == "\\":
            end = self._text.find(quote, end + 1)
        if end < 0:
            self._fail(f"a closing {quote}")
        self._check_escapes(self._text[self._at + 1 : end], quote)
        self._at = end + 1
        return ""

    def _check_escapes(self, inner: str, quote: str) -> None:
        at = inner.find("\\")
        while at >= 0:
            if inner[at + 1 : at + 2] not in _ESCAPES | {quote}:
                raise BadCondition(f"{shown(inner[at : at + 2])} is no escape that Falco knows")
            at = inner.find("\\", at + 2)

    def _arguments(self) -> None:
        """Read the arguments of a function, up to its closing parenthesis."""
        depth, start = 1, self._at
        while depth:
            letter = self._peek()
            if not letter or depth > _MAX_PARENTHESES:
                self._fail("a ')' that closes the function")
            if self._quoted() is None:
                depth += {"(": 1, ")": -1}.get(letter, 0)
                self._at += 1
        if not self._text[start : self._at - 1].strip():
            self._fail("an argument of the function")

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self, token: str) -> bool:
        starts = self._text.startswith(token, self._at)
        if starts:
            self._at += len(token)
        return starts

    def _skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            return ""
        self._at = match.end()
        return match[0]

    def _fail(self, expected: str) -> NoReturn:
        before = self._text[max(0, self._at - 30) : self._at].split("\n")[-1]
        place = f"after {shown(before)}" if before.strip() else "at its start"
        after = self._text[self._at : self._at + 20].split("\n")[0]
        instead = f", there is {shown(after)}" if after.strip() else ""
        raise BadCondition(f"expected {expected} {place}{instead}")
