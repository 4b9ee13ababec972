"""The fetches of one artifact's sources: what runs, what has come, and when to try again."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from actors.runtime.activity import Beside, decide
from actors.runtime.backoff import Backoff, refusal_delay
from actors.runtime.mail import Letter
from sidecar.node.fetcher import FetchFailed, ReadTooEarly

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from actors.runtime.context import Runtime
    from resources.artifact.medium import Medium
    from resources.node.artifact import Trouble
    from resources.node.slots import Content

_BACKOFF = Backoff(base=1.0, cap=300.0)


class Job(NamedTuple):
    """How to fetch one source; jobs of equal key are the same job.

    `origin` is that of the content which it gives (`Content.origin`).
    """

    key: tuple[Any, ...]
    origin: str
    fetch: Callable[[], Awaitable[Content]]


class Fetch(NamedTuple):
    """What runs beside the mail, as the trace names it."""

    medium: Medium


@dataclass(slots=True)
class _Fetch:
    """The state of one job: `content` once it has come, `trouble` after a failed try.

    `is_early`: the last try was too early; that is no trouble yet.
    """

    key: tuple[Any, ...]
    task: asyncio.Task[Content | FetchFailed] | None = None
    content: Content | None = None
    trouble: Trouble | None = None
    is_early: bool = False
    tries: int = 0
    due: float = math.inf


class Fetches:
    """At most one fetch for each medium, in a task of its own: no source waits for another."""

    def __init__(self, runtime: Runtime, fetched: Callable[[], None]) -> None:
        """`fetched` is called when a task has ended, unless it was cancelled."""
        self._runtime = runtime
        self._fetched = fetched
        self._by_medium: dict[Medium, _Fetch] = {}

    @property
    def due(self) -> float:
        """The time of the next try, on the monotonic clock; infinite without one."""
        return min((fetch.due for fetch in self._by_medium.values()), default=math.inf)

    @property
    def is_coming(self) -> bool:
        """Whether any source is being fetched, or was read too early and is read again soon."""
        return any(fetch.task is not None or fetch.is_early for fetch in self._by_medium.values())

    def advance(
        self, medium: Medium, job: Job, installed: Content | None
    ) -> Content | Trouble | None:
        """Take in the result of a job, or start it if it is due; None while it may soon have one.

        A job of another key replaces the one before. Content of the same origin that was fetched
        for the one before, or is installed, is taken without a fetch.
        """
        fetch = self._by_medium.get(medium)
        if fetch is None or fetch.key != job.key:
            content = self._replaced(medium, job.origin, installed)
            if content is not None:
                decide(f"had {job.origin} already")
            fetch = self._by_medium[medium] = _Fetch(job.key, content=content)
        if fetch.task is not None and fetch.task.done():
            task, fetch.task = fetch.task, None
            self._take(fetch, task.result())  # raises any other error, which is a bug
        never_tried = fetch.tries == 0 and fetch.content is None
        is_due = never_tried or fetch.due <= self._runtime.clock.monotonic()
        if fetch.task is None and is_due:
            fetch.due = math.inf
            fetch.tries += 1
            decide(f"began to fetch {job.origin}, try {fetch.tries}")
            now = self._runtime.clock.monotonic()
            letter = Letter(Fetch(medium), None, now)
            fetch.task = asyncio.get_running_loop().create_task(_outcome(job, letter))
            fetch.task.add_done_callback(self._ended)
        return fetch.content or fetch.trouble

    def cancel_all_but(self, media: Collection[Medium]) -> None:
        """Forget the fetches of all other media."""
        for medium in [medium for medium in self._by_medium if medium not in media]:
            _cancel(self._by_medium.pop(medium))

    def describe(self) -> dict[str, Any]:
        """What runs and what failed, by medium, for the actor dump."""
        return {
            medium: {
                "running": fetch.task is not None,
                "tries": fetch.tries,
                "trouble": fetch.trouble and fetch.trouble.message,
            }
            for medium, fetch in self._by_medium.items()
        }

    def _replaced(self, medium: Medium, origin: str, installed: Content | None) -> Content | None:
        """Cancel the job before; return the content that the new one need not fetch."""
        before = self._by_medium.get(medium)
        if before is not None:
            _cancel(before)
            if before.content is not None and before.content.origin == origin:
                return before.content
        return installed if installed is not None and installed.origin == origin else None

    def _take(self, fetch: _Fetch, outcome: Content | FetchFailed) -> None:
        fetch.is_early = isinstance(outcome, ReadTooEarly)
        if isinstance(outcome, FetchFailed):
            if not fetch.is_early:
                fetch.trouble = outcome.trouble
            fetch.due = self._runtime.clock.monotonic() + self._wait(fetch, outcome)
            too_early = "too early: " if fetch.is_early else ""
            decide(f"could not fetch: {too_early}{outcome.trouble.message}")
        else:
            fetch.content, fetch.trouble, fetch.tries = outcome, None, 0
            decide(f"fetched {outcome.origin}, content {outcome.sha256[:12]}")

    def _wait(self, fetch: _Fetch, failed: FetchFailed) -> float:
        """Seconds until the next try."""
        if failed.final:
            return math.inf
        if fetch.is_early:
            return failed.retry_after or 0.0
        if failed.trouble.transient:
            delay = _BACKOFF.delay(fetch.tries - 1, self._runtime.random)
            return max(delay, failed.retry_after or 0.0)
        return refusal_delay(fetch.tries - 1)

    def _ended(self, task: asyncio.Task[Content | FetchFailed]) -> None:
        if not task.cancelled():
            self._fetched()


def _cancel(fetch: _Fetch) -> None:
    if fetch.task is not None:
        fetch.task.cancel()


async def _outcome(job: Job, letter: Letter) -> Content | FetchFailed:
    """The content, or why there is none; the trace gets an entry of it.

    The error is without its traceback, whose frames hold what was fetched, tens of megabytes of it,
    until the garbage collector comes round.
    """
    try:
        with Beside(letter):
            return await job.fetch()
    except FetchFailed as failed:
        failed.__cause__ = failed.__context__ = None
        return failed.with_traceback(None)
