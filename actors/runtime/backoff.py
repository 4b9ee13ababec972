"""How long to wait before the next attempt."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

_MOST_DOUBLINGS = 64
"""Enough to get from a nanosecond to five centuries; keeps a float from overflowing."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential backoff with full jitter; both bounds in seconds.

    Full jitter spreads attempts over the whole interval, which is what keeps many clients of one
    server from coming back together (AWS Architecture Blog, "Exponential Backoff And Jitter").
    """

    base: float
    cap: float

    def __post_init__(self) -> None:
        if not (0 < self.base <= self.cap and math.isfinite(self.cap)):
            raise ValueError(f"backoff needs 0 < base <= cap, got {self.base} and {self.cap}")

    def ceiling(self, attempt: int) -> float:
        """The longest wait before this attempt; attempts count from 0."""
        if attempt < 0:
            raise ValueError(f"attempts count from 0, got {attempt}")
        return min(self.cap, math.ldexp(self.base, min(attempt, _MOST_DOUBLINGS)))

    def delay(self, attempt: int, random: random.Random) -> float:
        """Seconds to wait before this attempt: anything from none to its ceiling."""
        return random.uniform(0, self.ceiling(attempt))
