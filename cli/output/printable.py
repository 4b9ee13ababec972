"""Foreign text that a terminal shows and does not obey."""

from __future__ import annotations

from typing import Any


def printable(text: str) -> str:
    """The text on one line, with a sign in the place of each character that is not printed."""
    one_line = " ".join(text.split())
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in one_line
    )


def all_printable(value: Any) -> Any:
    """A copy of a JSON value whose texts are printable."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list):
        return [all_printable(item) for item in value]
    if isinstance(value, dict):
        return {printable(str(key)): all_printable(item) for key, item in value.items()}
    return value
