"""Requests that the API server asked to make later: each is held back until its time."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from actors.api.errors import HeldBack, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actors.runtime.clock import Clock


class _Hold(NamedTuple):
    error: Unavailable
    until: float


class Holds:
    """Keeps Retry-After for each method and path, whoever makes the request and why.

    An actor waits as long by its own timer, but any change of its object or its children wakes it
    earlier. Other requests of the actor are not held back.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._holds: dict[tuple[str, str], _Hold] = {}

    @contextmanager
    def kept(self, method: str, path: str) -> Iterator[None]:
        """The context of one request; raises HeldBack if it would be too early."""
        key, now = (method, path), self._clock.monotonic()
        hold = self._holds.get(key)
        if hold is not None and now < hold.until:
            raise HeldBack.of(hold.error, hold.until - now)
        try:
            yield
        except Unavailable as error:
            if error.retry_after:
                self._hold(key, error, error.retry_after)
            raise

    def _hold(self, key: tuple[str, str], error: Unavailable, seconds: float) -> None:
        now = self._clock.monotonic()
        # Only requests that are held back now are kept, however many objects come and go.
        self._holds = {held: hold for held, hold in self._holds.items() if now < hold.until}
        self._holds[key] = _Hold(error, now + seconds)
