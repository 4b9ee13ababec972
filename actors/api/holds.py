"""Requests that are to be made later: each is held back until its time."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from actors.api.errors import ApiError, Cause, Forbidden, HeldBack, Unavailable, Unmapped, Unready

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actors.runtime.clock import Clock

# Seconds after each of the first refusals. An API server that has just started grants its rights by
# then, and one with a new CRD knows it; whoever is refused once more lacks the right.
_UNREADY = (1.0, 2.0, 4.0, 8.0)
_UNMAPPED = (*_UNREADY, 8.0, 8.0, 8.0)
# Seconds after which a series of refusals is forgotten: a request is repeated earlier, or no more.
_REMEMBERED = 600.0


# Holds that are kept before those that are over are looked for.
_FIRST_SWEEP = 1024


class _Answer(NamedTuple):
    """What the API server said; not the error itself, whose traceback holds the whole request."""

    code: int
    reason: str
    message: str
    causes: tuple[Cause, ...]


class _Hold(NamedTuple):
    """A request that is not made before `until`; it was forbidden `refusals` times in a row.

    `answer` is None if the request may be made at any time.
    """

    answer: _Answer | None
    until: float
    refusals: int = 0


class Holds:
    """Keeps the time of each request, by method and path, whoever makes the request and why.

    An actor waits as long by its own timer, but any change of its object or its children wakes it
    earlier. Other requests of the actor are not held back.

    - An error with Retry-After holds the request back for as long.
    - A request that is Forbidden is Unready for 15 s, and held back for 1, 2, 4 and 8 s; one
      that is Unmapped for 39 s.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._holds: dict[tuple[str, str], _Hold] = {}
        self._sweep_at = _FIRST_SWEEP

    @contextmanager
    def kept(self, method: str, path: str) -> Iterator[None]:
        """The context of one request; raises HeldBack if it would be too early."""
        key, now = (method, path), self._clock.monotonic()
        hold = self._holds.get(key)
        if hold is not None and hold.answer is not None and now < hold.until:
            raise HeldBack(*hold.answer, hold.until - now)
        try:
            yield
        except Forbidden as error:
            self._forbidden(key, error)
            raise
        except Unavailable as error:
            if error.retry_after:
                self._hold(key, error, error.retry_after, hold.refusals if hold else 0)
            raise
        except ApiError:
            self._holds.pop(key, None)
            raise
        self._holds.pop(key, None)

    def _forbidden(self, key: tuple[str, str], error: Forbidden) -> None:
        """Raise Unready unless the request has been forbidden for long."""
        now = self._clock.monotonic()
        hold = self._holds.get(key) or _Hold(None, now)
        if hold.answer is not None and now < hold.until:  # of a request that was made together
            raise _unready(error, hold.until - now)
        delays = _UNMAPPED if isinstance(error, Unmapped) else _UNREADY
        if hold.refusals >= len(delays):
            self._keep(key, _Hold(None, now, hold.refusals))
            return
        unready = _unready(error, seconds := delays[hold.refusals])
        self._hold(key, unready, seconds, hold.refusals + 1)
        raise unready

    def _hold(
        self, key: tuple[str, str], error: Unavailable, seconds: float, refusals: int
    ) -> None:
        answer = _Answer(error.code, error.reason, error.message, error.causes)
        self._keep(key, _Hold(answer, self._clock.monotonic() + seconds, refusals))

    def _keep(self, key: tuple[str, str], hold: _Hold) -> None:
        """Remember one hold; now and then forget those that are over, whose objects may be gone."""
        self._holds[key] = hold
        if len(self._holds) < self._sweep_at:
            return
        now = self._clock.monotonic()
        self._holds = {
            held: other
            for held, other in self._holds.items()
            if now < other.until + (_REMEMBERED if other.refusals else 0.0)
        }
        self._sweep_at = max(_FIRST_SWEEP, 2 * len(self._holds))


def _unready(error: Forbidden, seconds: float) -> Unready:
    return Unready(error.code, error.reason, error.message, error.causes, seconds)
