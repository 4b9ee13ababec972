"""Looks out for what hangs: a loop that is late, and handlers that do not end."""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING, Any

from actors.runtime.activity import loads
from actors.runtime.task_actor import TaskActor

if TYPE_CHECKING:
    from actors.runtime.actor import Actor
    from actors.runtime.context import Runtime
    from supervisors.process.metrics import Metrics

_log = logging.getLogger(__name__)
# Seconds between two measurements: a stall that is longer is always seen.
PERIOD = 0.25
# Seconds from which on a handler hangs; it is warned of again each time that has doubled.
HANGS = 30.0
_LOOKS = 20
# Seconds in which the longest lag is shown, longer than scrapers usually wait.
_SHOWN = 60.0
_MOST_NAMED = 10


class Lags:
    """The longest lag of the loop within the last minute, in seconds."""

    def __init__(self) -> None:
        self._longest: deque[tuple[float, float]] = deque()
        """Pairs of time and lag, each lag longer than all after it."""

    def note(self, now: float, lag: float) -> None:
        """Remember the lag of this moment."""
        while self._longest and self._longest[-1][1] <= lag:
            self._longest.pop()
        self._longest.append((now, lag))

    def longest(self, now: float) -> float:
        """The longest lag since a minute before this moment."""
        while self._longest and self._longest[0][0] < now - _SHOWN:
            self._longest.popleft()
        return self._longest[0][1] if self._longest else 0.0


class Lookout(TaskActor):
    """Measures how late the loop is, and warns of handlers that run for half a minute."""

    kind = "Lookout"

    def __init__(self, runtime: Runtime, lags: Lags) -> None:
        super().__init__(runtime)
        self._lags = lags
        self._warned: dict[Actor, tuple[float, float]] = {}
        """For each actor whose handler hangs: since when, and the age for the next warning."""

    async def run(self) -> None:
        """Measure until stopped."""
        clock = self.runtime.clock
        while True:
            for _ in range(_LOOKS):
                due = clock.monotonic() + PERIOD
                await clock.sleep(PERIOD)
                now = clock.monotonic()
                self._lags.note(now, max(0.0, now - due))
            self.look(now)

    def look(self, now: float) -> None:
        """Warn of the handlers that hang at this time."""
        hanging = {
            actor: current[1]
            for actor in self.runtime.busy
            if (current := actor.current) is not None and now - current[1] >= HANGS
        }
        self._warned = {
            actor: warned
            for actor, warned in self._warned.items()
            if hanging.get(actor) == warned[0]
        }
        late = [
            actor
            for actor, since in hanging.items()
            if now - since >= self._warned.get(actor, (since, HANGS))[1]
        ]
        for actor in late:
            self._warned[actor] = hanging[actor], 2 * (now - hanging[actor])
        for actor in late[:_MOST_NAMED]:
            name = str(getattr(actor, "ref", actor.kind))
            _log.warning("%s hangs: %s", name, actor.activity(), extra={"object": name})
        if len(late) > _MOST_NAMED:
            _log.warning("%d more handlers hang", len(late) - _MOST_NAMED)

    def describe(self) -> dict[str, Any]:
        """Add the longest lag within the last minute, for the actor dump."""
        return {**super().describe(), "lag": self._lags.longest(self.runtime.clock.monotonic())}


def show(metrics: Metrics, runtime: Runtime, lags: Lags) -> None:
    """Show how late the loop is, and what the actors are at."""
    monotonic = runtime.clock.monotonic

    def field(index: int) -> dict[str, float]:
        zeros: dict[str, float] = dict.fromkeys(metrics.kinds, 0)
        found = loads(runtime.busy, monotonic())
        return zeros | {kind: load[index] for kind, load in found.items()}

    metrics.show("handlers_running", "Messages that are being handled.", lambda: field(0))
    what = "Seconds since the oldest handler that still runs began."
    metrics.show("oldest_handler_seconds", what, lambda: field(1))
    what = "Seconds since the oldest message was sent that still waits."
    metrics.show("oldest_mail_seconds", what, lambda: field(2))
    what = "Seconds that the event loop was late, at most, within the last minute."
    metrics.show_number("loop_lag_seconds", what, lambda: lags.longest(monotonic()))
