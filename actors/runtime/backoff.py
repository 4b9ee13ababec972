"""The wait before the next attempt."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

_MOST_DOUBLINGS = 64
"""The most doublings: from a nanosecond to five centuries, without overflow of a float."""

_REFUSAL_DELAYS = (60.0, 120.0, 300.0)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential backoff with full jitter; both bounds in seconds.

    Full jitter spreads attempts over the whole interval, so that many clients of one server do not
    come back together (AWS Architecture Blog, "Exponential Backoff And Jitter").
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
        """The seconds to wait before this attempt, at random from 0 to its ceiling."""
        return random.uniform(0, self.ceiling(attempt))


def refusal_delay(refusals: int) -> float:
    """Seconds to wait after a refusal that follows this many refusals in a row.

    A refused request has the same answer until somebody acts: raises a quota, pushes a tag,
    unlocks an account. No event tells of that, so the request is made again, slowly.
    """
    return _REFUSAL_DELAYS[min(refusals, len(_REFUSAL_DELAYS) - 1)]


def retry_after_seconds(header: str | None, longest: float) -> float | None:
    """The seconds that a Retry-After header asks for, at most `longest`.

    None without a header, and for an HTTP date, which neither API servers nor registries send.
    """
    if not header or not header.isascii() or not header.isdigit():
        return None
    return min(float(header), longest)
