"""Time, randomness and metrics, which every actor is given."""

from __future__ import annotations

from dataclasses import dataclass, field
from secrets import token_hex
from typing import TYPE_CHECKING, Protocol

from actors.runtime.turns import Turns

TRACE_ROOM = 4096
"""Bytes, about, that the trace of an actor may take, unless a setting says otherwise."""

if TYPE_CHECKING:
    import random

    from actors.runtime.actor import Actor
    from actors.runtime.clock import Clock
    from actors.runtime.lifecycle import ExitReason


class Observer(Protocol):
    """Counts what the runtime does; called on the loop, must be quick and never raise.

    `kind` is the actor's label, such as "Falco": metrics count by kind, never by object.
    """

    def mail_handled(self, kind: str, wait: float, run: float, outcome: str) -> None:
        """A message was handled: `wait` seconds in the mail, `run` seconds in the handler.

        Outcomes: `ok`, `error` (returned to the asker), `done`, `requeue`, `blocked`, `retire`,
        `stop`, `crash`, `cancelled`.
        """

    def actor_started(self, kind: str) -> None:
        """An actor was started, for the first time or again."""

    def actor_exited(self, kind: str, reason: ExitReason) -> None:
        """An actor has ended."""

    def actor_restarted(self, kind: str) -> None:
        """A supervisor started an actor again."""

    def actor_parked(self, kind: str) -> None:
        """A supervisor has parked an object: it has no actor until it changes."""

    def actor_unparked(self, kind: str) -> None:
        """A parked object has changed and has an actor again."""


class NullObserver:
    """Ignores every call."""

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


class Numbers:
    """A number for each message that is handled, `last` is the newest.

    With `process` before it, such as `3f2a91bc-17`, it is one that no other process gives.
    """

    __slots__ = ("last", "process")

    def __init__(self) -> None:
        self.process = token_hex(4)
        self.last = 0

    def next(self) -> int:
        """Another number."""
        self.last += 1
        return self.last


@dataclass(frozen=True, slots=True)
class Runtime:
    """Time, randomness, the observer, whose turn it is, who is busy; one for the whole process."""

    clock: Clock
    random: random.Random
    observer: Observer = field(default_factory=NullObserver)
    turns: Turns = field(default_factory=Turns)
    busy: set[Actor] = field(default_factory=set)
    """The actors that run or have mail."""
    numbers: Numbers = field(default_factory=Numbers)
    trace_room: int = TRACE_ROOM
    """Bytes, about, that an actor's trace may take before only its last reconciles are kept."""
