"""How often an actor may be restarted, and after how long."""

from __future__ import annotations

import math
from dataclasses import dataclass

from actors.runtime.backoff import Backoff


@dataclass(frozen=True, slots=True)
class Intensity:
    """At most this many restarts within any span of this many seconds, both ends included.

    The rule of Erlang's supervisor; with `max_restarts` 0 the first crash is one too many.
    """

    max_restarts: int
    window_seconds: float

    def __post_init__(self) -> None:
        if self.max_restarts < 0:
            raise ValueError(f"max_restarts counts from 0, got {self.max_restarts}")
        if not (self.window_seconds > 0 and math.isfinite(self.window_seconds)):
            raise ValueError(f"window_seconds must be positive, got {self.window_seconds}")


OBJECT_INTENSITY = Intensity(max_restarts=5, window_seconds=600.0)
"""An object's actor that crashes more often than this is parked until its object changes."""

PART_INTENSITY = Intensity(max_restarts=5, window_seconds=60.0)
"""A part of the process that crashes more often ends the process, which the kubelet restarts."""

RESTART_BACKOFF = Backoff(base=0.1, cap=30.0)
"""The wait before each restart of an actor."""


@dataclass(frozen=True, slots=True)
class Window:
    """The times of the restarts within the last window, at most one more than is allowed."""

    intensity: Intensity
    times: tuple[float, ...] = ()

    def record(self, now: float) -> tuple[Window, bool]:
        """Count a restart at this monotonic time; return the new window, and if it is too many."""
        limit = self.intensity.max_restarts
        since = now - self.intensity.window_seconds
        recent = (*(time for time in self.times if time >= since), now)
        return Window(self.intensity, recent[-limit - 1 :]), len(recent) > limit

    def __len__(self) -> int:
        return len(self.times)


class TooManyRestarts(Exception):  # noqa: N818 # says what happened, as StopIteration does
    """A supervisor gave up; `error` is the last crash of its child, which was logged before."""

    def __init__(self, supervisor: str, child: str, error: BaseException | None) -> None:
        super().__init__(f"{supervisor}: too many restarts, the last of {child}")
        self.error = error
