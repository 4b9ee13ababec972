"""How far apart the pods that need the same content of a registry begin to pull it."""

from __future__ import annotations

SECONDS_A_POD = 0.02
"""With 50 pulls begun each second, 5,000 pods take 100 s."""
MOST_SECONDS = 120.0
"""The longest window, unless a flag sets another."""


def window(pods: int, most: float) -> float:
    """Seconds within which each of these pods begins, at a random time; 0 for one pod alone."""
    return min(max(pods - 1, 0) * SECONDS_A_POD, most)
