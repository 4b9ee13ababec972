"""Tables as kubectl prints them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_GAP = "   "


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows below the names of their columns, aligned; a cell may have colours.

    Without rows it is empty.
    """
    lines = [list(row) for row in rows]
    if not lines:
        return ""
    lines.insert(0, list(columns))
    widths = [
        max(len(click.unstyle(cell)) for cell in column) for column in zip(*lines, strict=True)
    ]
    return "".join(f"{_line(line, widths)}\n" for line in lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell + " " * (width - len(click.unstyle(cell)))
        for cell, width in zip(cells, widths, strict=True)
    )
    return _GAP.join(padded).rstrip()
