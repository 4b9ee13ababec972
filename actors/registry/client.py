"""Looks up tags and pulls artifacts for the event loop, each batch or pull in a child process.

A child takes 0.3 s to start and is limited in memory and time, so no registry and no artifact can
block the event loop or exceed these limits.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import TYPE_CHECKING

from actors.runtime.child_process import MEGABYTE, WorkerFailed, replies_of, run_worker
from resources.registry.request import (
    Filled,
    LookupAnswer,
    Lookups,
    Pace,
    PlacedAnswer,
    Problem,
    Pulled,
    PullRequest,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Sequence

    from resources.registry.request import Endpoint, Fill, Hold, Lookup, Pull

PROMPT = Pace(seconds=5.0, patience=2.0)
"""The pace for registries that are expected to answer."""
PATIENT = Pace(seconds=20.0, patience=20.0)
"""The pace for registries that have been slow."""
# Bytes of private data of a child; 24 MB of them are oras and the modules that it imports.
_MEMORY = 48 * MEGABYTE
# Children at once, if a batch has failed and each registry is asked by a child of its own.
_APART = 2
# Seconds that a child has beyond those of its look-ups, in which it starts.
_SLACK_SECONDS = 5.0


class RegistryError(Exception):
    """Why an artifact could not be pulled, as a `Problem` for a user to read.

    `holds`: what hosts have demanded to wait.
    """

    def __init__(self, problem: Problem, holds: tuple[Hold, ...] = ()) -> None:
        super().__init__(problem.message)
        self.problem = problem
        self.holds = holds

    @property
    def transient(self) -> bool:
        """Whether the same pull may work in a moment."""
        return self.problem.transient

    @property
    def final(self) -> bool:
        """Whether every pull of this digest will fail in the same way."""
        return self.problem.final

    @property
    def retry_after(self) -> float | None:
        """Seconds that the registry has asked to wait."""
        return self.problem.retry_after


async def look_up(
    lookups: Sequence[Lookup], pace: Pace = PATIENT
) -> AsyncGenerator[tuple[Lookup, LookupAnswer], None]:
    """Yield each look-up with the digest that its reference names, or a problem, once it is known.

    They share one child process; a reference that is a digest needs none. If a registry answers
    nothing at the pace, its look-ups have the problem that it hangs. Those that an answering
    registry could not be asked in time are not yielded, and can be tried again.
    """
    pinned = [lookup for lookup in lookups if lookup.is_pinned]
    left = dict.fromkeys(lookup for lookup in lookups if not lookup.is_pinned)
    silent = {lookup.endpoint.lane for lookup in left}
    for lookup in pinned:
        yield lookup, LookupAnswer(lookup.reference)
    async with aclosing(_answers(tuple(left), pace)) as answers:
        async for lookup, answer in answers:
            del left[lookup]
            silent.discard(lookup.endpoint.lane)
            yield lookup, answer
    for lookup in left:
        if lookup.endpoint.lane in silent:
            text = f"{lookup.endpoint}: the registry did not answer in time"
            yield lookup, LookupAnswer(problem=Problem(text, transient=True, hangs=True))


async def pull(request: Pull, descriptor: int) -> Pulled:
    """Pull the file of an artifact into an open, empty file: complete, synced and verified.

    The child gets the file and no path: whoever opened it decides where it is.

    Raises:
        RegistryError: the pull failed; as when it is cancelled, what the file has is worth nothing.
    """
    try:
        pulled = await run_worker(
            "actors.registry.pull_worker",
            PullRequest(request, descriptor),
            Pulled,
            memory=_MEMORY,
            seconds=request.seconds,
            descriptors=(descriptor,),
        )
    except WorkerFailed as error:
        raise RegistryError(_failed(request.endpoint, "pull", error)) from error
    if pulled.problem is not None:
        raise RegistryError(pulled.problem, pulled.holds)
    return pulled


async def fill(request: Fill) -> Filled:
    """Have the caches of an endpoint fetch an artifact; a problem is told, and none of a node."""
    try:
        return await run_worker(
            "actors.registry.fill_worker",
            request,
            Filled,
            memory=_MEMORY,
            seconds=request.seconds,
        )
    except WorkerFailed as error:
        return Filled(problem=_failed(request.endpoint, "filling of caches", error))


async def _answers(
    lookups: tuple[Lookup, ...], pace: Pace
) -> AsyncGenerator[tuple[Lookup, LookupAnswer], None]:
    """Yield the answers of one child, and if it fails, of a child for each registry."""
    if not lookups:
        return
    left, begun, failure = dict.fromkeys(lookups), time.monotonic(), None
    try:
        async with aclosing(_replies(lookups, pace)) as replies:
            async for lookup, answer in replies:
                del left[lookup]
                yield lookup, answer
    except WorkerFailed as error:
        failure = error
    if failure is None:
        return
    lanes: dict[str, list[Lookup]] = {}
    for lookup in left:
        lanes.setdefault(lookup.endpoint.lane, []).append(lookup)
    if len(lanes) <= 1:
        for lookup in left:
            yield lookup, LookupAnswer(problem=_failed(lookup.endpoint, "look-up", failure))
        return
    rest = Pace(pace.seconds - (time.monotonic() - begun), pace.patience)
    async with aclosing(_answers_apart(lanes.values(), rest)) as answers:
        async for lookup, answer in answers:
            yield lookup, answer


async def _replies(
    lookups: tuple[Lookup, ...], pace: Pace
) -> AsyncGenerator[tuple[Lookup, LookupAnswer], None]:
    """Yield the answers of one child; raises WorkerFailed."""
    replies = replies_of(
        "actors.registry.look_up_worker",
        Lookups.of(lookups, pace),
        PlacedAnswer,
        memory=_MEMORY,
        seconds=pace.seconds + _SLACK_SECONDS,
    )
    async with aclosing(replies):
        async for reply in replies:
            yield lookups[reply.place], reply.answer


async def _answers_apart(
    batches: Iterable[list[Lookup]], pace: Pace
) -> AsyncGenerator[tuple[Lookup, LookupAnswer], None]:
    """Yield the answers of a child for each batch, so that the culprit breaks only its own.

    Two run at once; all have to end within the pace of the batch that they were.
    """
    until, places = time.monotonic() + pace.seconds, asyncio.Semaphore(_APART)

    async def ask(batch: list[Lookup]) -> list[tuple[Lookup, LookupAnswer]]:
        async with places:
            left = until - time.monotonic()
            if left <= 0.0:
                return []
            answers = _answers(tuple(batch), Pace(left, pace.patience))
            return [answer async for answer in answers]

    tasks = [asyncio.create_task(ask(batch)) for batch in batches]
    try:
        for task in asyncio.as_completed(tasks):
            for answer in await task:
                yield answer
    finally:
        for running in tasks:
            running.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _failed(endpoint: Endpoint, what: str, error: WorkerFailed) -> Problem:
    return Problem(f"{endpoint}: the {what} {error}", transient=True, hangs=True)
