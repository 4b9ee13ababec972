"""Colours, where there is a terminal that shows them."""

from __future__ import annotations

import os
import sys
from enum import Enum

import click


class Style(Enum):
    """How something is: the same colours in every command."""

    GOOD = "green"
    DOUBTFUL = "yellow"
    BAD = "red"
    FAINT = "bright_black"


def styled(text: str, style: Style) -> str:
    """The text in its colour; plain if the output is no terminal, or NO_COLOR is set.

    Source: no-color.org, any value but the empty one.
    """
    if os.environ.get("NO_COLOR") or not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        return text
    return click.style(text, fg=style.value)
