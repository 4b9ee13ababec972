"""What waits for an actor, and in which order it is served."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import msgspec
import pykka

from actors.runtime.lifecycle import SHUTDOWN, Exit
from actors.runtime.reason import Reason, Reasons

if TYPE_CHECKING:
    import asyncio
    import threading

    from actors.runtime.actor import Actor


RECONCILE = "Reconcile"
"""The name of a reconcile in traces."""


class Reconcile(msgspec.Struct, frozen=True, gc=False):
    """Have the actor reconcile its object for this reason.

    `at` is the monotonic time at which a watch has told it; None: when the message is sent.
    """

    reason: Reason
    at: float | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """End the actor with this exit before any other mail is served."""

    exit: Exit = SHUTDOWN


STOP = Stop()


class Letter(NamedTuple):
    """One message taken out of the mail; `at` is the monotonic time at which it was sent.

    All pending reconciles are one letter: its message are their `Reasons`, its time is the oldest.
    """

    message: Any
    reply_to: asyncio.Future[Any] | None
    at: float

    @property
    def name(self) -> str:
        """The message's name in traces."""
        kind = type(self.message)
        return RECONCILE if kind is Reasons else kind.__name__

    def answer(self, value: Any) -> None:
        """Give the asker this answer; drop it if nobody asked or waits any more."""
        if self.reply_to is not None and not self.reply_to.done():
            self.reply_to.set_result(value)

    def fail(self, error: BaseException) -> None:
        """Raise this error at the asker; drop it if nobody asked or waits any more."""
        if self.reply_to is not None and not self.reply_to.done():
            self.reply_to.set_exception(error)

    def refuse(self) -> None:
        """Let the asker know that the actor is gone; drop a message that was told."""
        if type(self.message) is Stop:
            self.answer(True)
        else:
            self.fail(pykka.ActorDeadError("the actor ended before it handled the message"))


class Mail:
    """Control messages in the order in which they came, `Stop` before them, a reconcile last.

    Reconciles coalesce: however many come, one is pending, with their reasons, which are bounded.
    An idle actor's mail holds no container, only None three times.
    """

    __slots__ = ("_control", "_reasons", "_since")

    def __init__(self) -> None:
        self._control: deque[Letter] | None = None
        self._reasons: Reasons | None = None
        self._since = 0.0

    @property
    def depth(self) -> int:
        """How many letters wait."""
        return self.control + (self._reasons is not None)

    @property
    def control(self) -> int:
        """How many control messages wait."""
        return len(self._control) if self._control is not None else 0

    @property
    def reasons(self) -> Reasons:
        """The reasons of the pending reconcile; empty if no reconcile is pending."""
        return self._reasons or Reasons()

    @property
    def oldest(self) -> float | None:
        """When the oldest letter was sent; None if no letter waits."""
        since = [letter.at for letter in self._control or ()]
        if self._reasons is not None:
            since.append(self._since)
        return min(since, default=None)

    def empty(self) -> bool:
        """Whether no letter waits."""
        return self._control is None and self._reasons is None

    def add(self, message: Any, reply_to: asyncio.Future[Any] | None, at: float) -> None:
        """Take in a message that was sent at this monotonic time."""
        kind = type(message)
        if kind is Reconcile:
            self._pending(at).add(message.reason, at if message.at is None else message.at)
            return
        if self._control is None:
            self._control = deque()
        letter = Letter(message, reply_to, at)
        if kind is Stop:
            self._control.appendleft(letter)
        else:
            self._control.append(letter)

    def take(self) -> Letter | None:
        """Hand out the letter that is to be served next; None if no letter waits."""
        if self._control is not None:
            letter = self._control.popleft()
            if not self._control:
                self._control = None
            return letter
        if self._reasons is not None:
            letter = Letter(self._reasons, None, self._since)
            self._reasons = None
            return letter
        return None

    def crashes(self) -> list[BaseException]:
        """The errors of crashes that wait to be the actor's end."""
        stops = (letter.message for letter in self._control or () if type(letter.message) is Stop)
        return [stop.exit.error for stop in stops if stop.exit.error is not None]

    def absorb(self, other: Mail) -> None:
        """Move everything but `Stop` over from the mail of an actor that is gone, to the end."""
        stops = []
        while (letter := other.take()) is not None:
            if type(letter.message) is Stop:
                stops.append(letter)
            elif type(letter.message) is Reasons:
                self._pending(letter.at).update(letter.message)
            else:
                self.add(*letter)
        for letter in stops:
            other.add(*letter)

    def refuse(self) -> None:
        """Drop all letters and let their askers know."""
        while (letter := self.take()) is not None:
            letter.refuse()

    def _pending(self, at: float) -> Reasons:
        """The reasons of the pending reconcile, which is pending since now if none was."""
        if self._reasons is None:
            self._reasons, self._since = Reasons(), at
        return self._reasons


class Inbox(Mail):
    """The mail of a living actor; used on the loop's thread only.

    The inbox takes mail until the actor is gone: what comes while the actor is ending can go to a
    successor. It holds the actor as long: a ref keeps its actor alive, and the ref of an actor that
    is gone holds nothing of it.
    """

    __slots__ = ("_actor",)

    def __init__(self) -> None:
        super().__init__()
        self._actor: Actor | None = None

    @property
    def actor(self) -> Actor | None:
        """The actor that is served from this inbox, until it is gone."""
        return self._actor

    def bind(self, actor: Actor) -> None:
        """Wake this actor from now on."""
        self._actor = actor

    def post(self, message: Any, reply_to: asyncio.Future[Any] | None = None) -> None:
        """Send a message; refuse it if the actor is gone."""
        actor = self._actor
        if actor is None:
            Letter(message, reply_to, 0).refuse()
            return
        self.add(message, reply_to, actor.runtime.clock.monotonic())
        actor.wake()

    def close(self) -> None:
        """Refuse the mail that waits, and let go of the actor."""
        self._actor = None
        self.refuse()


class Stopped:
    """Whether an actor takes no more mail.

    It replaces pykka's threading.Event, which takes 1.2 KB, by 40 bytes: nobody waits for it.
    """

    __slots__ = ("_set",)

    def __init__(self) -> None:
        self._set = False

    def is_set(self) -> bool:
        """Whether the actor is ending or gone."""
        return self._set

    def set(self) -> None:
        """Take no more mail."""
        self._set = True

    @classmethod
    def as_event(cls) -> threading.Event:
        """Make a flag under the type that pykka declares."""
        return cast("threading.Event", cls())
