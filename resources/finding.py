"""What is wrong, or odd, with one of several things that are looked at together."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """A text, and the id of what it is about."""

    origin: str
    text: str
