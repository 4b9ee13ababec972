"""The progress of a long build, for people."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

LINE_SECONDS = 30
CLEAR_LINE = "\r\x1b[K"


def duration(seconds: float) -> str:
    """A duration as minutes and seconds, such as 3:05."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"


class Progress:
    """Shows steps of roughly known duration: live on a terminal, else a line every 30 seconds."""

    def __init__(
        self,
        steps: int,
        expected_seconds: float,
        stream: TextIO,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._steps = steps
        self._expected = expected_seconds
        self._stream = stream
        self._clock = clock
        self._started = clock()
        self._step = 0
        self._what = ""
        self._step_started = self._last_line = self._started

    def begin(self, what: str, expected_seconds: float) -> None:
        """Begin the next step, which takes about so many seconds with a cold build cache."""
        self._step += 1
        self._what = what
        self._step_started = self._last_line = self._clock()
        self._write(f"{self._head}, about {duration(expected_seconds)} if cold …")

    def tick(self) -> None:
        """Show that the step goes on; to be called about once a second."""
        now = self._clock()
        line = f"{self._head} … {duration(now - self._step_started)}, {self._total}"
        if self._stream.isatty():
            self._stream.write(CLEAR_LINE + line)
            self._stream.flush()
        elif now - self._last_line >= LINE_SECONDS:
            self._last_line = now
            self._write(line)

    def end(self) -> None:
        """End the step, and show how long it took."""
        took = duration(self._clock() - self._step_started)
        self._write(f"{self._head} built in {took}, {self._total}")

    @property
    def _head(self) -> str:
        return f"[{self._step}/{self._steps}] {self._what}"

    @property
    def _total(self) -> str:
        elapsed = duration(self._clock() - self._started)
        return f"in all {elapsed} of about {duration(self._expected)}"

    def _write(self, line: str) -> None:
        start = CLEAR_LINE if self._stream.isatty() else ""
        self._stream.write(f"{start}{line}\n")
        self._stream.flush()
