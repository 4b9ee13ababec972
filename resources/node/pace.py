"""How far apart the changes are that a running Falco sees.

While Falco loads, it misses a file that appears, and exits if one goes that it is about to read.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

LEAST_SECONDS = 2.0
"""Falco 0.44 takes 0.5 to 2 s to load the official rules. With changes of up to 0.75 s distance it
missed files or exited; with 0.85 s and more it never did."""

# Falco 0.44.1 compiles 1 MB of short rules in 1 s of CPU, of long ones in a fifth of that. With
# each file it compiles all files before once more.
_BYTES_A_SECOND = 1_000_000
_MOST_SECONDS = 30.0

DEADLINE_SECONDS = 30.0
"""How long after its quiet time Falco has to say that it has loaded a change, by default."""

# A reload makes Falco silent for 0.3 s, with 4,000 rules and little CPU for 4 s; after this time it
# is away.
_AWAY_SECONDS = 20.0

AWAY_FOR_LONG_SECONDS = 105.0
"""The patience of the default probes: the liveness probe begins after 60 s and fails three times,
every 15 s."""


class Heard(NamedTuple):
    """What is known of a Falco that says when it has loaded its files.

    `silent_since` is a time of the monotonic clock, None while Falco answers. `was_written_to`:
    since then there was a change.
    """

    has_taken: bool = False
    """Whether it has loaded all changes."""
    is_late: bool = False
    """Whether it has not, and has had its time."""
    silent_since: float | None = None
    was_written_to: bool = False


def next_change_at(quiet_until: float, heard: Heard | None, now: float, deadline: float) -> float:
    """When Falco may see the next change, on the monotonic clock.

    A Falco that answers says when it is ready, or has `deadline` seconds. One that is away gets the
    newest set once, and no more until it is back or was away for long. `heard` is None for a Falco
    that cannot be asked, which has the quiet time.
    """
    if heard is None:
        return quiet_until
    if heard.has_taken:
        return now
    if heard.silent_since is None or now < heard.silent_since + _AWAY_SECONDS:
        return quiet_until if heard.is_late else quiet_until + deadline
    if not heard.was_written_to:
        return quiet_until
    return max(quiet_until, heard.silent_since + AWAY_FOR_LONG_SECONDS)


def quiet_seconds(least: float, sizes: Iterable[int]) -> float:
    """How long a change is left to Falco before the next one.

    `sizes` are those of the rules files, in the order in which Falco loads them.
    """
    compiled = sum(accumulate(sizes))
    return max(least, min(least + compiled / _BYTES_A_SECOND, _MOST_SECONDS))
