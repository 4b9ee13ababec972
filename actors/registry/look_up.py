"""Looks up a batch of references, in the child process.

Each lane (`Endpoint.lane`) has a thread of its own, so a registry that does not answer holds up no
other.
"""

from __future__ import annotations

import threading
import time
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from actors.registry.failure import ExchangeError, persistently, problem_of
from actors.registry.places import Places
from resources.registry.request import LookupAnswer, PlacedAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actors.registry.failure import RegistryDown
    from actors.registry.session import Session
    from resources.registry.request import Endpoint, Lookup, Lookups

# Bytes of a thread's stack; the whole counts as memory.
_STACK = 512 * 1024


def answers(batch: Lookups) -> Iterator[PlacedAnswer]:
    """Yield each answer when it is known, as long as the pace of the batch allows."""
    lanes: dict[str, dict[int, Lookup]] = {}
    for place, lookup in enumerate(batch.whole):
        lanes.setdefault(lookup.endpoint.lane, {})[place] = lookup
    known: SimpleQueue[PlacedAnswer | BaseException] = SimpleQueue()
    down: dict[str, RegistryDown] = {}
    threading.stack_size(_STACK)
    for lookups in lanes.values():
        threading.Thread(target=_run, args=(lookups, down, known), daemon=True).start()
    end = time.monotonic() + batch.pace.seconds
    for _ in batch.lookups:
        try:
            answer = known.get(timeout=max(0.0, min(batch.pace.patience, end - time.monotonic())))
        except Empty:
            return
        if isinstance(answer, BaseException):
            raise answer  # a bug, or out of memory
        yield answer


def _run(
    lookups: dict[int, Lookup],
    down: dict[str, RegistryDown],
    known: SimpleQueue[PlacedAnswer | BaseException],
) -> None:
    try:
        _look_up(lookups, down, lambda place, answer: known.put(PlacedAnswer(place, answer)))
    except BaseException as error:  # noqa: BLE001 - raised again in the thread that reads `known`
        known.put(error)


def _look_up(
    lookups: dict[int, Lookup],
    down: dict[str, RegistryDown],
    found: Callable[[int, LookupAnswer], None],
) -> None:
    """Look up the references of one lane; a host that is down, for any lane, is asked no more."""
    for endpoint, at in _by_endpoint(lookups).items():
        places = Places(endpoint, lookups[at[0]].idle_seconds, down)
        for place in at:
            reference = lookups[place].reference
            try:
                digest = places.first(partial(_digest, reference))
                found(place, LookupAnswer(digest, holds=places.holds))
            except ExchangeError as error:
                problem = problem_of(endpoint, error)
                found(place, LookupAnswer(problem=problem, holds=places.holds))
        places.close()


def _digest(reference: str, session: Session) -> str:
    return persistently(lambda: session.digest_of(reference))


def _by_endpoint(lookups: dict[int, Lookup]) -> dict[Endpoint, list[int]]:
    """The look-ups by endpoint: those of one endpoint share its connections."""
    endpoints: dict[Endpoint, list[int]] = {}
    for place, lookup in lookups.items():
        endpoints.setdefault(lookup.endpoint, []).append(place)
    return endpoints
