"""The tokens of a condition, read once from its start, as libsinsp's parser reads them."""

from __future__ import annotations

import re
from typing import NoReturn

from resources.text.messages import shown

BLANKS = re.compile(r"[ \t\b\r\n]*")
IDENTIFIER = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*")
FIELD = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*(?:\.[a-zA-Z][a-zA-Z0-9_]*)+")
NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|[+-]?[0-9]+\.?[0-9]*(?:[eE][+-][0-9]+)?")
BARE = re.compile(r"[^()\"'\s=,]+", re.ASCII)
_FIELD_ARGUMENT = re.compile(r"[^\[\]\"'\s]+", re.ASCII)
# Between these Falco looks for the names of lists, even within quotes.
_DELIMITERS = re.compile(r"[ \t\n\r(),=]+")
# libsinsp: unescape_str. Falco knows \x since 0.45.
_ESCAPES = frozenset("bfnrt \\/")


class BadCondition(ValueError):  # noqa: N818 - it describes the condition, not a failure of ours
    """A condition that Falco cannot parse; the message shows the place."""


class BadEscape(BadCondition):
    """A quoted text with an escape that Falco does not know."""


class ConditionText:
    """A text and the place up to which it is read.

    `quoted_words` are (word, quote), `syntax_words` what is read as part of the language.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self.quoted_words: set[tuple[str, str]] = set()
        self.syntax_words: set[str] = set()

    def is_at_end(self) -> bool:
        """Whether all of the text is read."""
        return self._at == len(self._text)

    def peek(self) -> str:
        """The next character, not read; empty at the end."""
        return self._text[self._at : self._at + 1]

    def take(self, token: str) -> bool:
        """Read the token; false if it is not next."""
        starts = self._text.startswith(token, self._at)
        if starts:
            self._at += len(token)
        return starts

    def skip(self, pattern: re.Pattern[str]) -> str:
        """Read and return a match of the pattern; empty if none is next."""
        match = self.match(pattern)
        return match[0] if match else ""

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Read and return a match of the pattern; None if none is next."""
        match = pattern.match(self._text, self._at)
        if match is not None:
            self._at = match.end()
        return match

    def blanks(self) -> bool:
        """Read blanks; false if there are none."""
        return bool(self.skip(BLANKS))

    def value(self) -> tuple[str, bool] | None:
        """Read a value; return it and whether it is bare, None if none is next."""
        quoted = self.quoted()
        if quoted is not None:
            return quoted, False
        bare = self.skip(BARE)
        return (bare, True) if bare else None

    def quoted(self) -> str | None:
        """Read a text in quotes; None if none is next."""
        quote = self.peek()
        if quote not in {'"', "'"}:
            return None
        end = self._text.find(quote, self._at + 1)
        while end > 0 and self._text[end - 1] == "\\":
            end = self._text.find(quote, end + 1)
        if end < 0:
            self.fail(f"a closing {quote}")
        inner = self._text[self._at + 1 : end]
        words = _DELIMITERS.split(inner)
        self.quoted_words.update((word, quote) for word in words[1:-1])
        self._at = end + 1
        return _unescaped(inner, quote) if "\\" in inner else inner

    def values(self) -> list[tuple[str, bool]]:
        """Read values up to the first text that is none, and whether each is bare.

        Where the first has an escape that Falco does not know, it reads no value at all.
        """
        self.skip(BLANKS)
        result: list[tuple[str, bool]] = []
        try:
            value = self.value()
        except BadEscape:
            return result
        while value is not None:
            result.append(value)
            self.skip(BLANKS)
            if not self.take(","):
                return result
            self.skip(BLANKS)
            value = self.value()
        if result:
            self.fail("a value after ','")
        return result

    def field_argument(self) -> str | None:
        """Read the argument of a field in its brackets; None if there are no brackets."""
        if not self.take("["):
            return None
        argument = self.quoted()
        if argument is None:
            argument = self.skip(_FIELD_ARGUMENT)
            if not argument:
                self.fail("an argument of the field")
        if not self.take("]"):
            self.fail("a ']'")
        return argument

    def fail(self, expected: str) -> NoReturn:
        """Raise BadCondition with the place up to which the text is read."""
        before = self._text[max(0, self._at - 30) : self._at].split("\n")[-1]
        place = f"after {shown(before)}" if before.strip() else "at its start"
        after = self._text[self._at : self._at + 20].split("\n")[0]
        instead = f", there is {shown(after)}" if after.strip() else ""
        raise BadCondition(f"expected {expected} {place}{instead}")


_PLAIN = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", " ": "\\"}


def _unescaped(inner: str, quote: str) -> str:
    parts: list[str] = []
    at = 0
    while (escape := inner.find("\\", at)) >= 0:
        letter = inner[escape + 1 : escape + 2]
        if letter not in _ESCAPES | {quote}:
            raise BadEscape(f"{shown(inner[escape : escape + 2])} is no escape that Falco knows")
        parts += (inner[at:escape], _PLAIN.get(letter, letter))
        at = escape + 2
    return "".join((*parts, inner[at:]))
