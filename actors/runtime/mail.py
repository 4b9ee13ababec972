"""What waits for an actor, and in which order it is served."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, NamedTuple

import pykka

from actors.runtime.lifecycle import SHUTDOWN, Exit

MOST_REASONS = 32
"""Distinct reasons that one pending reconcile remembers; senders use a few fixed words."""

OTHERS = "others"
"""Stands for every reason beyond `MOST_REASONS`: whoever decides by reason takes it for any."""


class Reconcile(NamedTuple):
    """Look at your object again; `reason` is a short fixed word such as "spec" or "timer"."""

    reason: str


@dataclass(frozen=True, slots=True)
class Stop:
    """End with this exit before any other mail is served."""

    exit: Exit = SHUTDOWN


STOP = Stop()


class Run(NamedTuple):
    """One reconcile to be made, for all the reasons that came in since the last one began."""

    reasons: frozenset[str]


class Letter(NamedTuple):
    """One message taken out of the mail; `at` is when (the oldest part of) it was sent."""

    message: Any
    reply_to: pykka.Future[Any] | None
    at: float

    @property
    def name(self) -> str:
        """What to call the message in traces."""
        kind = type(self.message)
        return "Reconcile" if kind is Run else kind.__name__

    def answer(self, value: Any) -> None:
        """Reply, if somebody asked."""
        if self.reply_to is not None:
            self.reply_to.set(value)

    def fail(self, error: BaseException) -> None:
        """Reply with an error, if somebody asked."""
        if self.reply_to is not None:
            self.reply_to.set_exception((type(error), error, error.__traceback__))

    def refuse(self) -> None:
        """Reply that nobody is there; a told message can only be dropped."""
        if type(self.message) is Stop:
            self.answer(True)
        else:
            self.fail(pykka.ActorDeadError("the actor ended before it handled the message"))


class Mail:
    """Control messages in the order they came, `Stop` before them, one pending reconcile after.

    Told reconciles coalesce: however many come, one is pending, with the set of their reasons, and
    reasons beyond `MOST_REASONS` become `OTHERS`. An asked reconcile is a control message, as its
    asker waits for an answer of its own. Holds no container while it is empty: an idle actor's
    mail is three times None.

    Not thread-safe: only the loop's thread touches it.
    """

    __slots__ = ("_control", "_reasons", "_since")

    def __init__(self) -> None:
        self._control: deque[Letter] | None = None
        self._reasons: set[str] | None = None
        self._since: float | None = None

    @property
    def depth(self) -> int:
        """How many times the actor has to run to have no mail."""
        return self.control + (self._reasons is not None)

    @property
    def control(self) -> int:
        """How many control messages wait."""
        return len(self._control) if self._control is not None else 0

    @property
    def reasons(self) -> frozenset[str]:
        """The reasons of the pending reconcile; empty if there is none."""
        return frozenset(self._reasons or ())

    def empty(self) -> bool:
        """Whether nothing waits."""
        return self._control is None and self._reasons is None

    def add(self, message: Any, reply_to: pykka.Future[Any] | None, at: float) -> None:
        """Take in one message that was sent at this monotonic time."""
        kind = type(message)
        if kind is Reconcile:
            if reply_to is None:
                self._coalesce(message.reason, at)
                return
            message = Run(frozenset((message.reason,)))
        if self._control is None:
            self._control = deque()
        letter = Letter(message, reply_to, at)
        if kind is Stop:
            self._control.appendleft(letter)
        else:
            self._control.append(letter)

    def take(self) -> Letter | None:
        """Hand out what is to be served next, if anything waits."""
        if self._control is not None:
            letter = self._control.popleft()
            if not self._control:
                self._control = None
            return letter
        if self._reasons is not None and self._since is not None:
            letter = Letter(Run(frozenset(self._reasons)), None, self._since)
            self._reasons = self._since = None
            return letter
        return None

    def absorb(self, other: Mail) -> None:
        """Move everything but `Stop` over from mail whose actor is gone, behind what is here."""
        stops = []
        while (letter := other.take()) is not None:
            if type(letter.message) is Stop:
                stops.append(letter)
            elif type(letter.message) is Run and letter.reply_to is None:
                for reason in letter.message.reasons:
                    self._coalesce(reason, letter.at)
            else:
                self.add(*letter)
        for letter in stops:
            other.add(*letter)

    def refuse(self) -> None:
        """Drop everything, and let askers know."""
        while (letter := self.take()) is not None:
            letter.refuse()

    def _coalesce(self, reason: str, at: float) -> None:
        if self._reasons is None:
            self._reasons, self._since = {reason}, at
            return
        if len(self._reasons) >= MOST_REASONS and reason not in self._reasons:
            reason = OTHERS
        self._reasons.add(reason)
