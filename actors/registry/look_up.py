"""Looks up a batch of references, in the child process: each registry in a thread of its own.

So a registry that does not answer holds up nothing but itself.
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

# Each may hold a megabyte of public authorities, and the limit of memory counts its whole stack.
_AT_ONCE = 8
_STACK = 512 * 1024


def answer(batch: Lookups) -> Answers:
    """The answers that came in time, in the order of the batch; to the rest, that none came."""
    registries: dict[str, dict[int, Lookup]] = {}
    for place, lookup in enumerate(batch.lookups):
        registries.setdefault(lookup.endpoint.registry, {})[place] = lookup
    found: dict[int, LookupAnswer] = {}
    threading.stack_size(_STACK)
    pool = ThreadPoolExecutor(_AT_ONCE)
    runs = [pool.submit(_look_up, lookups, found) for lookups in registries.values()]
    for run in wait(runs, timeout=batch.seconds).done:
        run.result()  # a bug, or no memory
    late = ExchangeError("the registry did not answer in time", transient=True)
    return Answers(
        tuple(
            found.get(place) or _failed(lookup.endpoint, late)
            for place, lookup in enumerate(batch.lookups)
        )
    )


def _look_up(lookups: dict[int, Lookup], found: dict[int, LookupAnswer]) -> None:
    """Ask one registry; once it is down it is not asked for the rest."""
    down: RegistryDown | None = None
    for endpoint, places in _by_endpoint(lookups).items():
        session: Session | None = None
        for place in places:
            lookup = lookups[place]
            try:
                if down is not None:
                    raise down
                session = session or Session(endpoint, lookup.idle_seconds)
                found[place] = LookupAnswer(_digest(session, lookup.reference))
            except ExchangeError as error:
                down = error if isinstance(error, RegistryDown) else down
                found[place] = _failed(endpoint, error)
        if session is not None:
            session.close()


def _digest(session: Session, reference: str) -> str:
    return persistently(lambda: session.digest_of(reference))


def _by_endpoint(lookups: dict[int, Lookup]) -> dict[Endpoint, list[int]]:
    """Those that may share a client."""
    endpoints: dict[Endpoint, list[int]] = {}
    for place, lookup in lookups.items():
        endpoints.setdefault(lookup.endpoint, []).append(place)
    return endpoints


def _failed(endpoint: Endpoint, error: ExchangeError) -> LookupAnswer:
    return LookupAnswer(problem=problem_of(endpoint, error))
