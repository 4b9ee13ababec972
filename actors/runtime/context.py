"""What every actor is given of the world around it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import random

    from actors.runtime.clock import Clock
    from actors.runtime.lifecycle import ExitReason


class Observer(Protocol):
    """Told what the runtime does, on the loop, as it happens; must be quick and never raise.

    `kind` is the actor's label, such as "Falco": metrics count by kind, never by object.
    """

    def mail_handled(self, kind: str, wait: float, run: float, outcome: str) -> None:
        """One message was handled: seconds in the mail, seconds in the handler, and its outcome.

        Outcomes: `ok`, `error` (returned to the asker), `done`, `requeue`, `blocked`, `retire`,
        `stop`, `crash`, `cancelled`.
        """

    def actor_started(self, kind: str) -> None:
        """An actor was started, be it anew or again."""

    def actor_exited(self, kind: str, reason: ExitReason) -> None:
        """An actor is gone."""

    def actor_restarted(self, kind: str) -> None:
        """A supervisor started an actor again."""

    def actor_parked(self, kind: str) -> None:
        """A supervisor gave up on one object until it changes."""

    def actor_unparked(self, kind: str) -> None:
        """A parked object has changed and gets its actor again."""


class NullObserver:
    """Sees nothing."""

    __slots__ = ()

    def mail_handled(self, kind: str, wait: float, run: float, outcome: str) -> None:
        """Ignore it."""

    def actor_started(self, kind: str) -> None:
        """Ignore it."""

    def actor_exited(self, kind: str, reason: ExitReason) -> None:
        """Ignore it."""

    def actor_restarted(self, kind: str) -> None:
        """Ignore it."""

    def actor_parked(self, kind: str) -> None:
        """Ignore it."""

    def actor_unparked(self, kind: str) -> None:
        """Ignore it."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """Time, randomness and the observer; one for the whole process, shared by all actors."""

    clock: Clock
    random: random.Random
    observer: Observer = field(default_factory=NullObserver)
