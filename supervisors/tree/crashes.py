"""The crashes of one object's actor, and when the object is given up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from supervisors.tree.intensity import Intensity, Window

if TYPE_CHECKING:
    from collections.abc import Hashable


class Crashes:
    """The crashes of one child within the window, and the version of its object being tried.

    `version` is the object's version at the last restart; before the first restart, it is the
    version found at the first crash.
    """

    __slots__ = ("_window", "version")

    def __init__(self, intensity: Intensity, version: Hashable | None) -> None:
        self._window = Window(intensity)
        self.version = version

    def record(self, now: float, version: Hashable | None) -> bool:
        """Count a crash at this monotonic time; whether this version is to be given up.

        Too many crashes of another version are forgotten but for the last: the object has changed
        since the actor was started.
        """
        self._window, exceeded = self._window.record(now)
        if exceeded and version != self.version:
            self._window, _ = Window(self._window.intensity).record(now)
            return False
        return exceeded

    @property
    def attempt(self) -> int:
        """The number of the next restart, for its backoff; counts from 0."""
        return len(self._window) - 1


@dataclass(frozen=True, slots=True)
class Parked:
    """An object that has no actor until it has another version than this."""

    version: Hashable | None
    error: BaseException
