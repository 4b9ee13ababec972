"""Foreign text that a terminal shows and does not obey."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text on one line, with a sign in the place of each character that is not printed."""
    one_line = " ".join(text.split())
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in one_line
    )
