"""Regular expressions as RE2 reads them with its POSIX syntax: what it certainly refuses.

What is in doubt is taken, for only Falco knows all of RE2.
"""

from __future__ import annotations

import re

_MOST_REPEATS = 1000
_SPECIAL = re.compile(r"[\\\[\]*+?{}()|]")
_REPEAT = re.compile(r"\{([0-9]{1,9})(?:(,)([0-9]{0,9}))?\}", re.ASCII)
_CLASS = re.compile(r"\[:(\^?[a-z]+):\]")
_CLASSES = frozenset(
    {"alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct"}
    | {"space", "upper", "word", "xdigit"}
)
# Escapes that POSIX syntax does not have, although Perl has them.
_NO_ESCAPES = frozenset("bBdDsSwWAzZpPQEeghiIjJkKlLmMNoOqRTuUVXyY")


def regex_problem(pattern: str) -> str:
    """Why RE2 refuses the pattern; empty if it takes it, or if that is in doubt."""
    if not _SPECIAL.search(pattern):
        return ""
    depth = at = 0
    repeatable = False
    while at < len(pattern):
        letter = pattern[at]
        repeat = _REPEAT.match(pattern, at)
        problem = ""
        if letter in "\\[":
            at, problem = _escape(pattern, at) if letter == "\\" else _bracket(pattern, at)
            repeatable = True
        elif letter in "*+?" or repeat:
            problem = _repeat_problem(repeat) if repeat else ""
            problem = problem if repeatable else f"nothing stands before {letter}"
            at = repeat.end() if repeat else at + 1
        if problem:
            return problem
        if letter in "\\[*+?" or repeat:
            continue
        if letter == ")":
            depth -= 1
            if depth < 0:
                return "a ( is missing"
        depth += letter == "("
        repeatable = letter not in "(|"
        at += 1
    return "a ) is missing" if depth else ""


def _repeat_problem(repeat: re.Match[str]) -> str:
    least = int(repeat[1])
    most = int(repeat[3]) if repeat[3] else least
    if max(least, most) > _MOST_REPEATS or most < least:
        return f"{repeat[0]} is no number of repeats"
    return ""


def _escape(pattern: str, at: int) -> tuple[int, str]:
    """The place after an escape, and why RE2 refuses it."""
    letter = pattern[at + 1 : at + 2]
    if not letter:
        return at + 2, "it ends with a backslash"
    if letter in _NO_ESCAPES:
        return at + 2, f"it has the escape \\{letter}, which POSIX syntax does not have"
    return at + 2, ""


def _bracket(pattern: str, start: int) -> tuple[int, str]:
    """The place after a bracket expression, and why RE2 refuses it."""
    at = start + 1
    if pattern[at : at + 1] == "^":
        at += 1
    first = True
    while at < len(pattern) and (pattern[at] != "]" or first):
        first = False
        name = _CLASS.match(pattern, at)
        if name:
            if name[1].removeprefix("^") not in _CLASSES:
                return at, f"there is no class {name[0]}"
            at = name.end()
            continue
        escaped = pattern[at] == "\\"
        letter = pattern[at + 1 : at + 2] if escaped else pattern[at]
        if escaped and letter in _NO_ESCAPES:
            return at, f"it has the escape \\{letter}, which POSIX syntax does not have"
        at += 2 if escaped else 1
        is_range = pattern[at : at + 1] == "-" and pattern[at + 1 : at + 2] not in {"]", ""}
        if is_range and not escaped and pattern[at + 1] not in "[\\":
            if pattern[at + 1] < letter:
                return at, f"{letter}-{pattern[at + 1]} is no range"
            at += 2
    if at >= len(pattern):
        return at, "a ] is missing"
    return at + 1, ""
