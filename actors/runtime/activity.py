"""What actors do at this moment: the message or hook that runs, and what it waits for."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from actors.runtime.actor import Actor
    from actors.runtime.ref import ActorRef

# A ref: a connection keeps the context in which it was opened, and outlives that actor.
_working: ContextVar[ActorRef[Any] | None] = ContextVar("working", default=None)


def works(ref: ActorRef[Any]) -> None:
    """Have the running task, and the tasks that it makes, work for this actor."""
    _working.set(ref)


class Waiting:
    """The context of a wait for something outside of the process, such as `GET /version`.

    The actor for which the task works has it among its `waits`. `what` must hold no payload.
    """

    __slots__ = ("_actor", "since", "what")

    def __init__(self, what: str) -> None:
        working = _working.get()
        self._actor: Actor | None = working.actor_inbox.actor if working is not None else None
        self.since = 0.0
        self.what = what

    def __enter__(self) -> None:
        if (actor := self._actor) is not None:
            self.since = actor.runtime.clock.monotonic()
            actor.waits += (self,)

    def __exit__(self, *_: object) -> None:
        if (actor := self._actor) is not None:
            actor.waits = tuple(wait for wait in actor.waits if wait is not self)


def in_words(current: tuple[str, float] | None, waits: Sequence[Waiting], now: float) -> str:
    """Text such as `Reconcile for 31.0 s, waiting 30.2 s for PATCH /api/v1/nodes/a`."""
    words = f"{current[0]} for {now - current[1]:.1f} s" if current is not None else "no message"
    if not waits:
        return words
    oldest = min(waits, key=lambda wait: wait.since)
    more = f" and {len(waits) - 1} more" if len(waits) > 1 else ""
    return f"{words}, waiting {now - oldest.since:.1f} s for {oldest.what}{more}"


class Load(NamedTuple):
    """What the actors of one kind are at: handlers that run, and the oldest ages in seconds."""

    running: int = 0
    handler: float = 0.0
    mail: float = 0.0


def loads(busy: Iterable[Actor], now: float) -> dict[str, Load]:
    """The load of each kind of which an actor is busy, at this monotonic time."""
    found: dict[str, Load] = {}
    for actor in busy:
        running, handler, mail = found.get(actor.kind, Load())
        if actor.current is not None:
            running, handler = running + 1, max(handler, now - actor.current[1])
        if (oldest := actor.actor_inbox.oldest) is not None:
            mail = max(mail, now - oldest)
        found[actor.kind] = Load(running, handler, mail)
    return found
