"""The last messages that an actor handled, for the debug dump."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from actors.runtime.reason import Reasons
from actors.runtime.results import Blocked, Done, RequeueAfter, Retire

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actors.runtime.clock import Clock
    from actors.runtime.mail import Letter
    from actors.runtime.results import Result

SIZE = 16
"""How many entries a trace keeps."""

MOST_REASONS = 10
"""How many reasons an entry keeps, beside the number of all others: a Falco and its children."""


class TraceEntry(NamedTuple):
    """One handled message.

    All times are in seconds; `at` is the monotonic time at which the handler began. The entry holds
    the name of the message's type and never the message, as a dump must show no payload. `outcome`
    is a word, with a detail behind a colon where there is one: "blocked: NameConflict". `reasons`
    has one line for each reason, as one string takes less memory than a tuple of them.
    """

    at: float
    message: str
    reasons: str
    wait: float
    run: float
    outcome: str
    calls: int


class Trace:
    """A ring of the last `SIZE` entries, oldest first.

    The entries are plain tuples of texts and numbers, which the garbage collector leaves out of its
    rounds. It would visit named tuples each time: 1.6 million of them for 100,000 actors.
    """

    __slots__ = ("_clock", "_entries", "_oldest")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: list[tuple[Any, ...]] = []
        self._oldest = 0

    def __iter__(self) -> Iterator[TraceEntry]:
        ordered = self._entries[self._oldest :] + self._entries[: self._oldest]
        return map(TraceEntry._make, ordered)

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, letter: Letter, begun: float, run: float, outcome: str, calls: int) -> None:
        """Remember how this letter was handled, in place of the oldest entry."""
        message = letter.message
        reasons = message.lines(MOST_REASONS) if type(message) is Reasons else ""
        entry = (begun, letter.name, reasons, begun - letter.at, run, outcome, calls)
        if len(self._entries) < SIZE:
            self._entries.append(entry)
            return
        self._entries[self._oldest] = entry
        self._oldest = (self._oldest + 1) % SIZE

    def as_json(self) -> list[dict[str, Any]]:
        """The entries, oldest first; wall times are reckoned back from now."""
        now, monotonic = self._clock.now(), self._clock.monotonic()
        return [
            {
                "at": (now - timedelta(seconds=monotonic - entry.at)).isoformat(
                    "T", "milliseconds"
                ),
                "message": entry.message,
                "reasons": entry.reasons.splitlines(),
                "wait": round(entry.wait, 6),
                "run": round(entry.run, 6),
                "outcome": entry.outcome,
                "calls": entry.calls,
            }
            for entry in self
        ]


def outcome_of(result: Result) -> str:
    """Give a reconcile's result as a word, with its detail behind a colon."""
    match result:
        case Done():
            return "done"
        case RequeueAfter(seconds, why):
            return f"requeue: {seconds:g} s, {why}"
        case Blocked(reason):
            return f"blocked: {reason}"
        case Retire():
            return "retire"
    raise TypeError(f"a reconcile ends with a Result, not with {result!r}")
