"""Names and numbers in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def named(names: Iterable[str], most: int = 5) -> str:
    """The first names, and the number of the others."""
    every = list(names)
    text = ", ".join(every[:most])
    return text if len(every) <= most else f"{text} and {len(every) - most} more"


def counted(count: int, noun: str) -> str:
    """A number of things, such as `2 errors`; empty for none."""
    return f"{count} {noun}{'' if count == 1 else 's'}" if count else ""
