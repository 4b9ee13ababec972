"""Notices fields that another writer sets again as often as they are corrected."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resources.instance.outcome import Update
    from resources.kubernetes.reference import ObjectRef

# This many corrections of one field within this many seconds are a fight.
_CORRECTIONS = 5
_WINDOW = 60.0


class Fights:
    """Counts the corrections of each field of the children of one resource, within the window."""

    __slots__ = ("_corrections",)

    def __init__(self) -> None:
        self._corrections: dict[tuple[ObjectRef, str], deque[float]] = {}

    def corrected(self, update: Update, now: float) -> str | None:
        """Count these corrections; return a description if one of them makes a fight."""
        self._forget(now)
        fought = []
        for difference in update.differences:
            times = self._corrections.setdefault((update.ref, difference.path), deque())
            times.append(now)
            if len(times) >= _CORRECTIONS:
                by = difference.other_manager or "somebody else"
                fought.append(f"{difference.path} is changed by {by}")
        return f"{', '.join(fought)} as often as it is corrected" if fought else None

    def recreated(self, ref: ObjectRef, now: float) -> str | None:
        """Count that a deleted child was made again; return a description if that makes a fight."""
        self._forget(now)
        times = self._corrections.setdefault((ref, ""), deque())
        times.append(now)
        if len(times) < _CORRECTIONS:
            return None
        return "it is deleted by somebody else as often as it is made again"

    def _forget(self, now: float) -> None:
        for field, times in list(self._corrections.items()):
            while times and times[0] < now - _WINDOW:
                times.popleft()
            if not times:
                del self._corrections[field]
