"""Looks up a batch of references, in the child process.

Each registry has a thread of its own, so a registry that does not answer holds up no other.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from actors.registry.failure import ExchangeError, RegistryDown, persistently, problem_of
from actors.registry.session import Session
from resources.registry.request import Answers, LookupAnswer

if TYPE_CHECKING:
    from resources.registry.request import Endpoint, Lookup, Lookups

# Threads. Each may hold a megabyte of public authorities, and its whole stack counts as memory.
_AT_ONCE = 8
_STACK = 512 * 1024


def answer(batch: Lookups) -> Answers:
    """The answers in the order of the batch; a problem for each that did not come in time."""
    registries: dict[str, dict[int, Lookup]] = {}
    for place, lookup in enumerate(batch.lookups):
        registries.setdefault(lookup.endpoint.registry, {})[place] = lookup
    answers: dict[int, LookupAnswer] = {}
    threading.stack_size(_STACK)
    pool = ThreadPoolExecutor(_AT_ONCE)
    runs = [pool.submit(_look_up, lookups, answers) for lookups in registries.values()]
    for run in wait(runs, timeout=batch.seconds).done:
        run.result()  # raises in case of a bug, or out of memory
    late = ExchangeError("the registry did not answer in time", transient=True)
    return Answers(
        tuple(
            answers.get(place) or _failed(lookup.endpoint, late)
            for place, lookup in enumerate(batch.lookups)
        )
    )


def _look_up(lookups: dict[int, Lookup], answers: dict[int, LookupAnswer]) -> None:
    """Look up the references of one registry, until it is down."""
    down: RegistryDown | None = None
    for endpoint, places in _by_endpoint(lookups).items():
        session: Session | None = None
        for place in places:
            lookup = lookups[place]
            try:
                if down is not None:
                    raise down
                session = session or Session(endpoint, lookup.idle_seconds)
                answers[place] = LookupAnswer(_digest(session, lookup.reference))
            except ExchangeError as error:
                down = error if isinstance(error, RegistryDown) else down
                answers[place] = _failed(endpoint, error)
        if session is not None:
            session.close()


def _digest(session: Session, reference: str) -> str:
    return persistently(lambda: session.digest_of(reference))


def _by_endpoint(lookups: dict[int, Lookup]) -> dict[Endpoint, list[int]]:
    """The look-ups by endpoint: those of one endpoint share a session."""
    endpoints: dict[Endpoint, list[int]] = {}
    for place, lookup in lookups.items():
        endpoints.setdefault(lookup.endpoint, []).append(place)
    return endpoints


def _failed(endpoint: Endpoint, error: ExchangeError) -> LookupAnswer:
    return LookupAnswer(problem=problem_of(endpoint, error))
