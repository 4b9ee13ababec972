"""When to try again what did not work, by why it did not work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.api.errors import ApiError, Conflict, NotFound, Refused
from actors.runtime.backoff import Backoff, refusal_delay
from actors.runtime.results import RequeueAfter

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable


class NameConflict(Exception):  # noqa: N818 - the condition's own word
    """An object of the wanted name exists and is not ours; it was not touched."""


class Leaving(Exception):  # noqa: N818
    """An object of the wanted name is ours, or was, and is on its way out."""


class Fight(Exception):  # noqa: N818
    """A field of a child is set again and again by somebody else; it is left for a while."""


WriteError = ApiError | NameConflict | Leaving | Fight

# Seconds, at least and at most, until a taken name is claimed again: foreign objects are not
# watched.
_TAKEN = (30.0, 60.0)
# Seconds until a field that somebody fights over is corrected again.
_TRUCE = 300.0
_SETTLED = (Refused, NameConflict, Fight)
_BACKOFF = Backoff(base=0.25, cap=300.0)
# For what an event will most likely settle before: an object that is going, or has changed.
_RACE_BACKOFF = Backoff(base=0.1, cap=30.0)
# Looking again settles most races; after this many times in a row they are told to the user.
_QUIET_TRIES = 4


def settled_delay(error: WriteError, tries: int, random: random.Random) -> float | None:
    """Seconds until the same request may have another answer; None if it may at any time."""
    if isinstance(error, NameConflict):
        return random.uniform(*_TAKEN)
    if isinstance(error, Refused):
        return refusal_delay(tries)
    return _TRUCE if isinstance(error, Fight) else None


class Retry:
    """Counts how often in a row something transient got in the way, and says when to go on."""

    def __init__(self, random: random.Random) -> None:
        self._random = random
        self.tries = 0
        self.refusals = 0

    def after(self, errors: Iterable[WriteError]) -> float | None:
        """Seconds to wait after a run that met these errors; None if none of them is transient.

        What the object changed under is looked at again at once, then with backoff; Retry-After is
        honoured.
        """
        transient = [error for error in errors if not isinstance(error, _SETTLED)]
        if not transient:
            return None
        self.tries += 1
        if self.tries == 1 and all(isinstance(error, NotFound | Conflict) for error in transient):
            return 0.0
        backoff = _RACE_BACKOFF if all(map(_is_race, transient)) else _BACKOFF
        asked = [e.retry_after for e in transient if isinstance(e, ApiError) and e.retry_after]
        return max(backoff.delay(self.tries - 1, self._random), *asked, 0.0)

    def reset(self) -> None:
        """Count anew: a run met nothing transient, and no refusal ended it."""
        self.tries = self.refusals = 0

    def after_error(self, error: ApiError) -> float:
        """Seconds to wait after a run that this error ended."""
        wait = self.after([error])
        if wait is not None:
            return wait
        self.refusals += 1
        return refusal_delay(self.refusals - 1)

    def requeue(self, error: ApiError) -> RequeueAfter:
        """The result of a run that this error ended."""
        return RequeueAfter(self.after_error(error), f"retry after {type(error).__name__}")

    def is_quiet(self, errors: Iterable[WriteError]) -> bool:
        """Whether these errors are races that the next look most likely settles."""
        return self.tries <= _QUIET_TRIES and all(map(_is_race, errors))


def _is_race(error: WriteError) -> bool:
    return isinstance(error, NotFound | Conflict | Leaving)
