"""The crashes of one object's actor, and when the object is given up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from supervisors.tree.intensity import Intensity, Window

if TYPE_CHECKING:
    from collections.abc import Hashable

    from actors.runtime.clock import Handle
    from actors.runtime.trace import Trace

# Seconds after the first and after every later parking until the same version is tried again: the
# cause may have been outside of the object.
_RETRIES = (600.0, 1800.0)
# Messages in the log of a crash: that at which the actor crashed, and those before.
_LAST = 4


class Crashes:
    """The crashes of one child within the window, and the version of its object being tried.

    `version` is the object's version at the last restart; before the first restart, it is the
    version found at the first crash. `parkings` counts how often this version has been given up.
    """

    __slots__ = ("_probation_until", "_window", "parkings", "version")

    def __init__(self, intensity: Intensity, version: Hashable | None) -> None:
        self._window = Window(intensity)
        self._probation_until = -math.inf
        self.version = version
        self.parkings = 0

    @classmethod
    def on_probation(
        cls, intensity: Intensity, version: Hashable | None, parkings: int, now: float
    ) -> Crashes:
        """The crashes of an object that is tried again: one within the window is one too many."""
        crashes = cls(intensity, version)
        crashes.parkings, crashes._probation_until = parkings, now + intensity.window_seconds
        return crashes

    def record(self, now: float, version: Hashable | None) -> bool:
        """Count a crash at this monotonic time; whether this version is to be given up.

        Too many crashes of another version are forgotten but for the last: the object has changed
        since the actor was started.
        """
        self._window, exceeded = self._window.record(now)
        on_probation = now < self._probation_until and version == self.version
        if not on_probation:
            self._probation_until = -math.inf
            self.parkings = 0
        exceeded = exceeded or on_probation
        if exceeded and version != self.version:
            self._window, _ = Window(self._window.intensity).record(now)
            return False
        return exceeded

    @property
    def attempt(self) -> int:
        """The number of the next restart, for its backoff; counts from 0."""
        return len(self._window) - 1


@dataclass(slots=True)
class LastCrash:
    """What is known of a child's last crash, for the log, the dump and the next life."""

    error: str
    trace: Trace | None
    due: float | None = None
    """The monotonic time of the restart; None once that has come."""

    def describe(self, now: float) -> dict[str, Any]:
        """As JSON: the error, the seconds until the restart, and the last messages."""
        return {
            "error": self.error,
            "due": None if self.due is None else round(self.due - now, 3),
            "trace": self.trace.as_json() if self.trace is not None else [],
        }


def last_messages(trace: Trace | None) -> str:
    """The last messages of a trace as text, the newest first; it holds no payload."""
    entries = trace.as_json()[-_LAST:] if trace is not None else []
    return "; ".join(map(_in_words, reversed(entries))) or "none"


def _in_words(entry: dict[str, Any]) -> str:
    reasons = ", ".join(entry["reasons"])
    message = f"{entry['message']} ({reasons})" if reasons else entry["message"]
    return f"{message}, {entry['run']:.3f} s, {entry['calls']} requests, {entry['outcome']}"


@dataclass(frozen=True, slots=True)
class Parked:
    """An object that has no actor until it has another version than this, or `retry` is due.

    `due` is the monotonic time of the retry. `trace` is of its actors.
    """

    version: Hashable | None
    error: BaseException
    parkings: int
    retry: Handle
    due: float
    trace: Trace | None

    @property
    def what(self) -> str:
        """The error in words."""
        return f"{type(self.error).__name__}: {self.error}"

    @property
    def last_crash(self) -> LastCrash:
        """What the next actor of the object goes on from."""
        return LastCrash(self.what, self.trace)


def retry_delay(parkings: int) -> float:
    """Seconds until an object is tried again that has been given up this often in a row."""
    return _RETRIES[min(parkings, len(_RETRIES)) - 1]
