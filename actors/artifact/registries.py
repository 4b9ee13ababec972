"""What is remembered of registries: which of them hang, and which want no requests for now."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors.runtime.backoff import Backoff
from resources.registry.holds import Holds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actors.runtime.context import Runtime
    from resources.registry.request import Endpoint, Hold, Problem

RETRIES = Backoff(base=2.0, cap=150.0)
"""The wait after a failure: between its ceiling and twice that."""


@dataclass(slots=True)
class _Registry:
    """`hangs`: batches in a row that it did not answer, and so no look-up `not_before` then."""

    tags: int = 0
    hangs: int = 0
    not_before: float = -math.inf


class Registries:
    """The registries of all tags; those that hang are slow until they answer."""

    def __init__(self, runtime: Runtime) -> None:
        self._clock = runtime.clock
        self._random = runtime.random
        self._registries: dict[str, _Registry] = {}
        self._holds = Holds()
        # By registry, with or without tags, on the monotonic clock: until when all its hosts rest.
        self._rests: dict[str, float] = {}

    def add(self, name: str) -> None:
        """One more tag is in this registry."""
        self._registries.setdefault(name, _Registry()).tags += 1

    def drop(self, name: str) -> None:
        """A tag of this registry is gone, and with the last one what is remembered."""
        registry = self._registries[name]
        registry.tags -= 1
        if not registry.tags:
            del self._registries[name]

    def clear(self) -> None:
        """Forget every registry."""
        self._registries.clear()
        self.release()

    def hold(self, holds: Iterable[Hold]) -> None:
        """Hosts want no requests for a while, whoever asked them for whatever."""
        self._holds.add(holds, self._clock.monotonic())

    def release(self) -> None:
        """There are other ways to all hosts: what they have demanded is over."""
        self._holds.clear()
        self._rests.clear()

    def rested(self, name: str, endpoint: Endpoint) -> Endpoint | None:
        """The endpoint of which no host is asked that wants no requests for now.

        None if all of them want none: the registry of this name is not asked before one may be.
        """
        now = self._clock.monotonic()
        self._rests = {known: until for known, until in self._rests.items() if until > now}
        wait = self._holds.wait(endpoint, now)
        if not wait:
            return self._holds.rested(endpoint, now)
        self._rests[name] = now + wait
        return None

    def is_slow(self, name: str) -> bool:
        """Whether the registry has not answered lately."""
        return self._registries[name].hangs > 0

    def not_before(self, name: str) -> float:
        """When the registry may be asked again, on the monotonic clock."""
        registry = self._registries.get(name)
        hangs_until = registry.not_before if registry is not None else -math.inf
        return max(hangs_until, self._rests.get(name, -math.inf))

    def suspect(self, name: str) -> None:
        """The registry has not answered promptly: it is to get more time."""
        registry = self._registries.get(name)
        if registry is not None and not registry.hangs:
            registry.hangs = 1

    def heard(self, name: str, problem: Problem | None) -> None:
        """A look-up in this registry is over, without an answer if its problem says that it hangs.

        A registry that hangs is asked less and less, whichever of its tags is due.
        """
        registry, now = self._registries.get(name), self._clock.monotonic()
        if registry is None:
            return
        if problem is None or not problem.hangs:
            registry.hangs = 0
        elif registry.not_before <= now:  # the first of its tags in this batch
            wait = RETRIES.ceiling(registry.hangs) + RETRIES.delay(registry.hangs, self._random)
            registry.hangs += 1
            registry.not_before = now + wait
