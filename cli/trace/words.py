"""Times and lists as people say them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def span(seconds: float) -> str:
    """A time such as `0.3 ms`, `412 ms`, `1.2 s`, `3 min` or `2 h`."""
    if seconds < 0.01:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def listed(items: Sequence[str]) -> str:
    """Items with commas between them, and `and` before the last one."""
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)
