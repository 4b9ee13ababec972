"""What an actor did last, for the debug dump."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from actors.runtime.mail import Run
from actors.runtime.results import Blocked, Done, RequeueAfter, Retire

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actors.runtime.clock import Clock
    from actors.runtime.mail import Letter
    from actors.runtime.results import Result

SIZE = 16
"""How many entries a trace keeps."""


class TraceEntry(NamedTuple):
    """One handled message; all times in seconds, `at` (when its handler began) monotonic.

    Holds the message's type name, never the message: a dump must show no payload. `outcome` is a
    word, for some with a detail behind a colon, as in "blocked: NameConflict".
    """

    at: float
    message: str
    reasons: tuple[str, ...]
    wait: float
    run: float
    outcome: str
    calls: int


class Trace:
    """A ring of the last `SIZE` entries, oldest first; grows with its entries up to that.

    Kept as plain tuples of plain values, which the garbage collector drops from its rounds; named
    ones it would visit for ever, 1.6 million of them for 100,000 actors.
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
        """Remember how this letter was served, in place of the oldest."""
        message = letter.message
        reasons = tuple(message.reasons) if type(message) is Run else ()
        entry = (begun, letter.name, reasons, begun - letter.at, run, outcome, calls)
        if len(self._entries) < SIZE:
            self._entries.append(entry)
            return
        self._entries[self._oldest] = entry
        self._oldest = (self._oldest + 1) % SIZE

    def as_json(self) -> list[dict[str, Any]]:
        """The entries, oldest first, with wall times as of now's difference to the monotonic."""
        now, monotonic = self._clock.now(), self._clock.monotonic()
        return [
            {
                "at": (now - timedelta(seconds=monotonic - entry.at)).isoformat(
                    "T", "milliseconds"
                ),
                "message": entry.message,
                "reasons": sorted(entry.reasons),
                "wait": round(entry.wait, 6),
                "run": round(entry.run, 6),
                "outcome": entry.outcome,
                "calls": entry.calls,
            }
            for entry in self
        ]


def outcome_of(result: Result) -> str:
    """A reconcile's result as a word, and what there is to say about it behind a colon."""
    match result:
        case Done():
            return "done"
        case RequeueAfter(seconds):
            return f"requeue: {seconds:g} s"
        case Blocked(reason):
            return f"blocked: {reason}"
        case Retire():
            return "retire"
    raise TypeError(f"a reconcile ends with a Result, not with {result!r}")
