"""Names in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAMED = 5


def named(names: Iterable[str]) -> str:
    """The first five names, and the number of the others."""
    every = list(names)
    text = ", ".join(every[:_NAMED])
    return text if len(every) <= _NAMED else f"{text} and {len(every) - _NAMED} more"
