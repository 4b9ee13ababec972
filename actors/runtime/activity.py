"""What actors do at this moment: the message or hook that runs, and what it waits for."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from actors.runtime.trace import Notes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from actors.runtime.actor import Actor
    from actors.runtime.mail import Letter
    from actors.runtime.ref import ActorRef

# A ref: a connection keeps the context in which it was opened, and outlives that actor.
_working: ContextVar[ActorRef[Any] | None] = ContextVar("working", default=None)
_beside: ContextVar[Notes | None] = ContextVar("beside", default=None)


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

    def __enter__(self) -> Self:
        if (actor := self._actor) is not None:
            self.since = actor.runtime.clock.monotonic()
            actor.waits += (self,)
        return self

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


class Asking(Waiting):
    """The context of a request to the API server, which the trace of its actor gets.

    `code` is to be set to the HTTP status of the answer. `target` names verb, resource and object,
    such as `patch falcos/status ns/falco`. `number` names it to the API server: that of the handled
    message and, behind a dot, its own; empty if no actor asks.
    """

    __slots__ = ("_at", "_notes", "code", "target")

    def __init__(self, what: str, target: str) -> None:
        super().__init__(what)
        self.target = target
        self.code = "error"
        self._notes = _notes_of(self._actor)
        self._at = self._notes.ask() if self._notes is not None else 0

    @property
    def number(self) -> str:
        """Such as `3f2a91bc-17.2`."""
        return f"{self._notes.number}.{self._at}" if self._notes is not None else ""

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        if self._notes is not None and self._actor is not None:
            now = self._actor.runtime.clock.monotonic()
            self._notes.asked(self._at, self.target, self.code, self.since, now)


class Beside:
    """The context of work that an actor does beside its mail, in a task: an entry of its trace.

    `letter` is why, and its name that of the entry: there is no message.
    """

    def __init__(self, letter: Letter) -> None:
        working = _working.get()
        self._actor: Actor | None = working.actor_inbox.actor if working is not None else None
        self._letter = letter
        self._number = 0
        self._begun = 0.0
        self._notes: Notes | None = None

    def __enter__(self) -> Self:
        if (actor := self._actor) is not None:
            self._number = actor.runtime.numbers.next()
            self._begun = actor.runtime.clock.monotonic()
            process = actor.runtime.numbers.process
            self._notes = Notes(f"{process}-{self._number}", self._begun)
            _beside.set(self._notes)
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        _beside.set(None)
        if self._actor is not None:
            outcome = "ok" if error is None else f"error: {type(error).__name__}"
            self._actor.note(self._number, self._letter, self._begun, outcome, self._notes)
            # Who has seen the last number has not seen the end of this work.
            self._actor.runtime.numbers.next()


def decide(what: str) -> None:
    """Note what the running handler has decided, such as `created DaemonSet ns/falco`, if any is.

    The trace of its actor shows it; `what` must hold no payload.
    """
    working = _working.get()
    notes = _notes_of(working.actor_inbox.actor if working is not None else None)
    if notes is not None:
        notes.decide(what)


def _notes_of(actor: Actor | None) -> Notes | None:
    """The notes of what runs: of work beside the mail of the actor, else of its handler."""
    return _beside.get() or (actor.notes() if actor is not None else None)


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
