"""How far apart the changes are that a running Falco sees.

While Falco loads, it misses a file that appears, and exits if one goes that it is about to read.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

LEAST_SECONDS = 2.0
"""Falco 0.44 takes 0.5 to 2 s to load the official rules. With changes of up to 0.75 s distance it
missed files or exited; with 0.85 s and more it never did."""

# Falco 0.44.1 compiles 1 MB of short rules in 1 s of CPU, of long ones in a fifth of that. With
# each file it compiles all files before once more.
_BYTES_A_SECOND = 1_000_000
_MOST_SECONDS = 30.0


def quiet_seconds(least: float, sizes: Iterable[int]) -> float:
    """How long a change is left to Falco before the next one.

    `sizes` are those of the rules files, in the order in which Falco loads them.
    """
    compiled = sum(accumulate(sizes))
    return max(least, min(least + compiled / _BYTES_A_SECOND, _MOST_SECONDS))
