"""One child of a supervisor, over all its lives."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, get_args

from actors.runtime.lifecycle import crash
from actors.runtime.mail import STOP, Mail
from supervisors.tree.crashes import LastCrash, last_messages
from supervisors.tree.intensity import TooManyRestarts
from supervisors.tree.member import Member
from supervisors.tree.stopping import Stuck

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.runtime.actor import Actor
    from actors.runtime.clock import Clock, Handle
    from actors.runtime.lifecycle import Exit
    from actors.runtime.ref import ActorRef
    from actors.runtime.trace import Trace
    from supervisors.tree.crashes import Crashes

logger = logging.getLogger(__name__)

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class ChildReady:
    """The child's `on_start` has returned."""

    child: Child[Any]
    life: int


@dataclass(frozen=True, slots=True)
class ChildExited:
    """The child's actor is gone, or could not be made."""

    child: Child[Any]
    life: int
    exit: Exit


@dataclass(frozen=True, slots=True)
class ChildDue:
    """The backoff of the child's restart is over."""

    child: Child[Any]
    life: int


News = ChildReady | ChildExited | ChildDue
NEWS: tuple[type, ...] = get_args(News)


class Parent(Protocol):
    """The supervisor that a child reports to."""

    def now(self) -> float:
        """The time of the monotonic clock."""

    def post(self, news: News) -> None:
        """Put the news into the supervisor's mail."""

    def child_exited(self, news: ChildExited, mail: Mail | None) -> None:
        """Take note of an exit in the loop step in which the actor goes.

        `mail` is what the actor did not handle, and is refused after this; None without an actor.
        """


class Child(Generic[K]):
    """Starts the actors of one child, one at a time, and reports what becomes of them.

    Each actor is one life of the child. Lives are numbered, and news has the number of its life:
    news of an older life is not `current` and is to be ignored. A child may outlive its actor:
    `waiting` is mail for the next life.
    """

    __slots__ = ("_parent", "_timer", "crashes", "key", "last_crash", "life", "ref", "waiting")

    def __init__(self, key: K, parent: Parent) -> None:
        self.key = key
        self.life = 0
        self.ref: ActorRef[Any] | None = None
        self.waiting: Mail | None = None
        self.crashes: Crashes | None = None
        self.last_crash: LastCrash | None = None
        self._parent = parent
        self._timer: Handle | None = None

    def current(self, news: News) -> bool:
        """Whether this news is about the child's present life."""
        return news.life == self.life

    def start(
        self,
        make: Callable[[], ActorRef[Any]],
        on_ready: Callable[[Actor], None] | None = None,
    ) -> None:
        """Start the next life and hand it the mail that has waited; an error becomes an exit."""
        self.life += 1
        self._timer = None
        try:
            ref = make()
            ref.link(self._exited, on_ready)
        except Exception as error:  # noqa: BLE001 # an actor that cannot be made has crashed
            trace = self.last_crash.trace if self.last_crash is not None else None
            self._report(crash(error), None, trace)
            return
        self.ref = ref
        if self.last_crash is not None:
            self.last_crash.due = None
            if (actor := ref.actor_inbox.actor) is not None:
                actor.inherit(self.last_crash.trace)
        waiting, self.waiting = self.waiting, None
        if waiting is not None:
            ref.adopt(waiting)

    def start_after(self, seconds: float, clock: Clock) -> None:
        """Report `ChildDue` after this many seconds."""
        if self.last_crash is not None:
            self.last_crash.due = clock.monotonic() + seconds
        due = ChildDue(self, self.life)
        self._timer = clock.call_later(seconds, lambda: self._parent.post(due))

    def deliver(self, message: Any, clock: Clock) -> None:
        """Give the message to the actor, or keep it for the next life."""
        if self.ref is not None:
            self.ref.actor_inbox.post(message)
            return
        if self.waiting is None:
            self.waiting = Mail()
        self.waiting.add(message, None, clock.monotonic())

    def rescue(self, mail: Mail) -> None:
        """Keep the mail of an actor that is gone for the next life."""
        if not mail.empty():
            rescued = Mail()
            rescued.absorb(mail)
            self.waiting = None if rescued.empty() else rescued

    def refuse_waiting(self) -> None:
        """Drop the mail that waits, and let its askers know."""
        if self.waiting is not None:
            self.waiting.refuse()
            self.waiting = None

    def stop_soon(self) -> bool:
        """Cancel a restart, and have the actor stop; whether there is an actor that will exit."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.ref is not None and not self.ref.actor_stopped.is_set():
            self.ref.tell(STOP)
        return self.ref is not None

    def kill(self) -> None:
        """Cancel the actor's handler, without waiting for its exit."""
        if self.ref is not None:
            self.ref.kill()

    def _exited(self, actor: Actor, end: Exit) -> None:
        if actor.actor_ref is self.ref:
            self.ref = None
            self._report(end, actor.actor_inbox, actor.trace)
        else:  # the actor was given up, as it could not be cancelled, and the process ends
            self._log(end, actor.trace)

    def _report(self, end: Exit, mail: Mail | None, trace: Trace | None) -> None:
        error = end.error
        self.last_crash = LastCrash(f"{type(error).__name__}: {error}", trace) if error else None
        self._log(end, trace)
        self._parent.child_exited(ChildExited(self, self.life, end), mail)

    def waits(self) -> dict[str, Any] | None:
        """Why and for how long a restart waits for its backoff; None if none does."""
        if self._timer is None or self.last_crash is None:
            return None
        return {"attempt": self.attempt - 1, **self.last_crash.describe(self._parent.now())}

    def member(self) -> Member:
        """The child as a table shows it."""
        actor = self.ref.actor_inbox.actor if self.ref is not None else None
        found = Member(str(self.key), actor, self.waiting, max(0, self.life - 1))
        if (crash := self.last_crash) is not None:
            found = found._replace(due=crash.due, error=crash.error, trace=crash.trace)
        return found if actor is None else found._replace(trace=actor.trace)

    @property
    def attempt(self) -> int:
        """The number of the life that has just ended, since the last that went well; from 1."""
        return 1 if self.crashes is None else self.crashes.attempt + 2

    def _log(self, end: Exit, trace: Trace | None) -> None:
        """Log a crash once, here, where no crash is missed."""
        extra = {"object": str(self.key)}
        if isinstance(end.error, TooManyRestarts | Stuck):  # its cause was logged further down
            logger.error("%s gave up: %s", self.key, end.error, extra=extra)
        elif end.error is not None:
            logger.error(
                "%s crashed, attempt %d; its last messages, newest first: %s",
                self.key,
                self.attempt,
                last_messages(trace),
                exc_info=end.error,
                extra=extra,
            )
