"""How far apart the changes are that a running Falco sees.

While Falco loads, it misses a file that appears, and exits if one goes that it is about to read.
"""

from __future__ import annotations

LEAST_SECONDS = 2.0
"""Falco 0.44 takes 0.5 to 2 s to load the official rules. With changes of up to 0.75 s distance it
missed files or exited; with 0.85 s and more it never did."""

# Falco 0.44.1 takes 1 s of CPU for 1 MB of short rules, a fifth of that for long ones.
_BYTES_A_SECOND = 1_000_000
_MOST_SECONDS = 30.0


def quiet_seconds(least: float, loaded_bytes: int) -> float:
    """How long a change is left to Falco before the next one, if it loads files of this size."""
    return max(least, min(least + loaded_bytes / _BYTES_A_SECOND, _MOST_SECONDS))
