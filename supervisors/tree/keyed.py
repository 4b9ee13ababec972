"""One child of a dynamic supervisor, and what is remembered of a parked one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actors.runtime.mail import STOP, Mail

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from actors.runtime.actor import Actor
    from actors.runtime.clock import Clock, Handle
    from actors.runtime.lifecycle import Exit
    from actors.runtime.ref import ActorRef
    from resources.kubernetes.reference import ObjectRef
    from supervisors.tree.intensity import Window


@dataclass(slots=True)
class Crashes:
    """The crashes of one child: when, its restart timer, and the version that is being tried.

    That is the one it was restarted with, or for the first crash, the one found thereafter.
    """

    window: Window
    version: Hashable | None
    timer: Handle | None = None

    def cancel(self) -> None:
        """Do not restart."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


@dataclass(frozen=True, slots=True)
class Parked:
    """A child given up until its object has another version."""

    version: Hashable | None
    error: BaseException


class KeyedChild:
    """The actor of one object, and the mail that comes while there is none.

    Everything told is kept until an actor has taken it: what an actor leaves behind, and what
    arrives while it is ending or waiting for its restart, goes to its successor in order.
    """

    __slots__ = ("_report", "key", "ref", "trouble", "waiting")

    def __init__(self, key: ObjectRef, report: Callable[[KeyedChild, Exit], None]) -> None:
        self.key = key
        self.ref: ActorRef[Any] | None = None
        self.waiting: Mail | None = None
        self.trouble: Crashes | None = None
        self._report = report

    def deliver(self, message: Any, clock: Clock) -> None:
        """Give it to the actor, or keep it for the next one; it leaves what it does not get to."""
        if self.ref is not None:
            self.ref.actor_inbox.post(message)
            return
        if self.waiting is None:
            self.waiting = Mail()
        self.waiting.add(message, None, clock.monotonic())

    def start(self, start: Callable[[ObjectRef], ActorRef[Any]]) -> None:
        """Start an actor and hand it the mail that has waited."""
        ref = start(self.key)
        ref.link(self.exited)
        self.ref = ref
        waiting, self.waiting = self.waiting, None
        if waiting is not None:
            ref.adopt(waiting)

    def exited(self, actor: Actor, end: Exit) -> None:
        """Rescue the mail of an actor that is gone, and report it."""
        self.ref = None
        if not actor.actor_inbox.empty():
            rescued = Mail()
            rescued.absorb(actor.actor_inbox)
            if self.waiting is not None:
                rescued.absorb(self.waiting)
            self.waiting = None if rescued.empty() else rescued
        self._report(self, end)

    def stop(self) -> bool:
        """Have the actor stop; whether there is one whose exit will come."""
        if self.trouble is not None:
            self.trouble.cancel()
        if self.ref is not None and not self.ref.actor_stopped.is_set():
            self.ref.tell(STOP)
        return self.ref is not None

    def refuse_waiting(self) -> None:
        """Drop the mail that waits, and let askers know."""
        if self.waiting is not None:
            self.waiting.refuse()
            self.waiting = None
