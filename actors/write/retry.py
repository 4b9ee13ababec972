"""How long to wait after each kind of error before the next try."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.api.errors import ApiError, Conflict, HeldBack, NotFound, Refused, Unready
from actors.runtime.backoff import Backoff, refusal_delay
from actors.runtime.results import RequeueAfter
from actors.write.errors import Fight, Leaving, NameConflict, WriteError

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable


# Bounds of the seconds until a taken name is claimed again: no event tells when the foreign object,
# which is not watched, is gone.
_TAKEN = (30.0, 60.0)
# Seconds until a field is corrected again after a fight.
_TRUCE = 300.0
_SETTLED = (Refused, NameConflict, Fight)
_BACKOFF = Backoff(base=0.25, cap=300.0)
# For an object that is being deleted or has changed: most likely an event comes before.
_RACE_BACKOFF = Backoff(base=0.1, cap=30.0)
# The next reconcile settles most races; after this many in a row they are reported to the user.
_QUIET_TRIES = 4
_FORBIDDEN = 403

# Characters of an error that are kept.
_LONGEST = 300


def settled_delay(error: WriteError, tries: int, random: random.Random) -> float | None:
    """Seconds until the same request is worth making again; None if backoff decides that."""
    if isinstance(error, NameConflict):
        return random.uniform(*_TAKEN)
    if isinstance(error, Refused):
        return refusal_delay(tries)
    return _TRUCE if isinstance(error, Fight) else None


class Retry:
    """Counts the reconciles in a row that failed, and tells how long to wait for the next."""

    __slots__ = ("_random", "problem", "refusals", "tries")

    def __init__(self, random: random.Random) -> None:
        self._random = random
        self.tries = 0
        self.refusals = 0
        self.problem = ""
        """The error that the next try waits for, for the actor dump."""

    def after(self, errors: Iterable[WriteError]) -> float | None:
        """Seconds to wait after a reconcile with these errors; None if none of them is transient.

        After a first conflict there is no wait, then backoff. Retry-After is the minimum. A
        reconcile whose requests were only held back is no failed try, and waits for the first that
        may be made; a request that is still held back then costs nothing.
        """
        transient = [error for error in errors if not isinstance(error, _SETTLED)]
        if not transient:
            return None
        self.problem = str(transient[0])[:_LONGEST]
        held = [error.retry_after or 0.0 for error in transient if isinstance(error, HeldBack)]
        if len(held) == len(transient):
            return min(held)
        asked = [
            error.retry_after
            for error in transient
            if isinstance(error, ApiError) and error.retry_after and not isinstance(error, HeldBack)
        ]
        self.tries += 1
        if self.tries == 1 and all(isinstance(error, NotFound | Conflict) for error in transient):
            return 0.0
        backoff = _RACE_BACKOFF if all(map(_is_race, transient)) else _BACKOFF
        return max(backoff.delay(self.tries - 1, self._random), *asked, 0.0)

    def reset(self) -> None:
        """Count anew: a reconcile had no transient error, and no refusal ended it."""
        self.tries = self.refusals = 0
        self.problem = ""

    def after_error(self, error: ApiError) -> float:
        """Seconds to wait after a reconcile that this error ended."""
        wait = self.after([error])
        if wait is not None:
            return wait
        self.refusals += 1
        self.problem = str(error)[:_LONGEST]
        return refusal_delay(self.refusals - 1)

    def requeue(self, error: ApiError) -> RequeueAfter:
        """The result of a run that this error ended."""
        return RequeueAfter(self.after_error(error), f"retry after {type(error).__name__}")

    def is_quiet(self, errors: Iterable[WriteError]) -> bool:
        """Whether the next reconciles most likely settle these errors: races, and lack of rights.

        The latter is Unready for a while, or HeldBack, and then Forbidden, which is no more quiet.
        """
        is_early = self.tries <= _QUIET_TRIES
        return all((is_early and _is_race(error)) or is_unready(error) for error in errors)


def is_unready(error: WriteError) -> bool:
    """Whether a request was forbidden, but not for long, or is held back because of that."""
    return isinstance(error, Unready | HeldBack) and error.code == _FORBIDDEN


def _is_race(error: WriteError) -> bool:
    return isinstance(error, NotFound | Conflict | Leaving)
