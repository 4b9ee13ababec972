"""How many restarts are too many."""

from __future__ import annotations

import math
from dataclasses import dataclass


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


@dataclass(frozen=True, slots=True)
class Window:
    """When restarts were wanted, within the last window; never more than one over the limit."""

    intensity: Intensity
    times: tuple[float, ...] = ()

    def record(self, now: float) -> tuple[Window, bool]:
        """Count one more at this monotonic time: the window from now on, and whether it is over."""
        limit = self.intensity.max_restarts
        since = now - self.intensity.window_seconds
        recent = (*(time for time in self.times if time >= since), now)
        return Window(self.intensity, recent[-limit - 1 :]), len(recent) > limit

    def __len__(self) -> int:
        return len(self.times)


class TooManyRestarts(Exception):  # noqa: N818 # says what happened, as StopIteration does
    """A supervisor gave up; `error` is what its child crashed with last, logged already."""

    def __init__(self, supervisor: str, child: str, error: BaseException | None) -> None:
        super().__init__(f"{supervisor}: too many restarts, the last of {child}")
        self.error = error
