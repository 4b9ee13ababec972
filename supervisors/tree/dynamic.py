"""A supervisor of one actor for each object: starts, restarts, parks and un-parks it."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from actors.runtime.lifecycle import Exit, ExitReason
from actors.runtime.mail import Reconcile
from actors.runtime.reason import Cause, Reason
from supervisors.tree.child import NEWS, Child, ChildDue, ChildExited, News
from supervisors.tree.crashes import Crashes, Parked, retry_delay
from supervisors.tree.member import Member
from supervisors.tree.stopping import Superior, cancel, give_up

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable, Iterator

    from actors.runtime.backoff import Backoff
    from actors.runtime.context import Runtime
    from actors.runtime.mail import Mail
    from actors.runtime.ref import ActorRef
    from resources.kubernetes.reference import ObjectRef
    from supervisors.tree.intensity import Intensity
    from supervisors.tree.stopping import Budget


logger = logging.getLogger(__name__)


class DynamicSupervisor(Superior):
    """Gives every object that gets a message an actor of its own, isolated from the others.

    - `deliver` starts the actor if there is none. No told message is lost while the supervisor
      lives and the object is not parked: an actor that retires, crashes or is being restarted
      leaves its mail to its successor.
    - A crash is followed by a restart after a backoff, with one reconcile for the cause RESTARTED.
    - Too many crashes within the window park the object: it has no actor, `on_parked` is called
      once, and deliveries are dropped until `version_of` differs from the version at the last
      start; the composition roots say what a version is. An object that has changed in the meantime
      is not parked.
    - The same version is tried again after 10 minutes, then every 30, for the cause RESTARTED. One
      crash within the window parks the object again.
    - Stopping it stops all actors at once, and cancels them when its grace is over; it is gone once
      they are (`supervisors.tree.stopping`).
    """

    kind = "DynamicSupervisor"
    routine = NEWS

    def __init__(
        self,
        runtime: Runtime,
        name: str,
        start: Callable[[ObjectRef], ActorRef[Any]],
        version_of: Callable[[ObjectRef], Hashable | None],
        on_parked: Callable[[ObjectRef, BaseException], Awaitable[None] | None],
        *,
        intensity: Intensity,
        backoff: Backoff,
        budget: Budget | None = None,
    ) -> None:
        super().__init__(runtime, budget)
        self.name = name
        self._start = start
        self._version_of = version_of
        self._on_parked = on_parked
        self._intensity = intensity
        self._backoff = backoff
        self._children: dict[ObjectRef, Child[ObjectRef]] = {}
        self._parked: dict[ObjectRef, Parked] = {}
        self._notices: dict[ObjectRef, asyncio.Task[None]] = {}
        self._emptied: asyncio.Future[None] | None = None

    @property
    def alive(self) -> int:
        """How many objects have an actor, or will have one again after a backoff."""
        return len(self._children)

    @property
    def keys(self) -> frozenset[ObjectRef]:
        """The objects that have an actor, or will have one again after a backoff."""
        return frozenset(self._children)

    @property
    def parked(self) -> int:
        """How many objects are parked until they change."""
        return len(self._parked)

    @property
    def mail(self) -> int:
        """How many messages wait in all the actors."""
        return sum(child.ref.actor_inbox.depth for child in self._children.values() if child.ref)

    @property
    def refs(self) -> tuple[ObjectRef, ...]:
        """The objects that have an actor or are parked."""
        return (*self._children, *self._parked)

    def population(self, *kinds: str) -> list[Population]:
        """For each of these kinds, the number of parked objects and of waiting messages."""
        parked = Counter(ref.kind for ref in self._parked)
        mail: Counter[str] = Counter()
        for ref, child in self._children.items():
            mail[ref.kind] += child.ref.actor_inbox.depth if child.ref else 0
        return [Population(kind, parked[kind], mail[kind]) for kind in kinds]

    def __contains__(self, ref: ObjectRef) -> bool:
        return ref in self._children

    def deliver(self, ref: ObjectRef, message: Any) -> None:
        """Tell the object's actor; call this on the loop's thread."""
        child = self._children.get(ref)
        if child is None:
            child = self._admit(ref)
        if child is not None:
            child.deliver(message, self.runtime.clock)

    async def on_receive(self, message: News) -> None:
        """Follow the news of a child, unless it is of an older life."""
        if not message.child.current(message):
            return
        match message:
            case ChildExited(child, _, Exit(ExitReason.CRASH, error)) if error is not None:
                self._crashed(child, error)
            case ChildExited(child):
                self._ended(child)
            case ChildDue(child):
                self._restart(child)

    def post(self, news: News) -> None:
        """Handle the news of a child in its turn."""
        self.actor_inbox.post(news)

    def child_exited(self, news: ChildExited, mail: Mail | None) -> None:
        """Rescue the mail of the actor that goes, and handle its exit in its turn."""
        if mail is not None:
            news.child.rescue(mail)
        if self._emptied is None:
            self.actor_inbox.post(news)
        else:
            self._forget(news.child)

    def tree(self) -> dict[str, Any]:
        """The supervisor, and a function for each object that describes it, for the dump."""
        return super().describe() | {
            "name": self.name,
            "alive": self.alive,
            "children": [partial(_living, child) for child in self._children.values()],
            "parked": [partial(_parked, *item) for item in self._parked.items()],
        }

    def members(self) -> Iterator[Member]:
        """The objects that had an actor or were parked when the iteration began, one by one."""
        for child in list(self._children.values()):
            yield child.member()
        for ref, parked in list(self._parked.items()):
            yield Member(
                str(ref), None, None, 0, parked.due, parked.what, is_parked=True, trace=parked.trace
            )

    def find(self, ref: ObjectRef) -> dict[str, Any] | None:
        """The object's entry in the dump; None if it neither has an actor nor is parked."""
        if ref in self._children:
            return _living(self._children[ref])
        return _parked(ref, self._parked[ref]) if ref in self._parked else None

    def describe(self) -> dict[str, Any]:
        """The tree, so that a supervisor above shows it whole."""
        return self.tree()

    def _admit(self, ref: ObjectRef) -> Child[ObjectRef] | None:
        """Start a child for this object, unless it is parked or the supervisor is ending."""
        if self.actor_stopped.is_set():
            return None
        parked = self._parked.get(ref)
        if parked is not None:
            if self._version_of(ref) == parked.version:
                return None
            self._unpark(ref)
        child = self._children[ref] = Child(ref, self)
        child.last_crash = parked.last_crash if parked is not None else None
        self._launch(child)
        return child

    def _retry(self, ref: ObjectRef) -> None:
        """Try an object again that is still parked."""
        parked, now = self._unpark(ref), self.runtime.clock.monotonic()
        child = self._children[ref] = Child(ref, self)
        child.last_crash = parked.last_crash
        child.crashes = Crashes.on_probation(
            self._intensity, self._version_of(ref), parked.parkings, now
        )
        child.deliver(Reconcile(Reason(Cause.RESTARTED)), self.runtime.clock)
        self._launch(child)

    def _unpark(self, ref: ObjectRef) -> Parked:
        """Forget that an object is parked; `on_parked` ends, lest it speak of a living actor."""
        parked = self._parked.pop(ref)
        parked.retry.cancel()
        if ref in self._notices:
            self._notices[ref].cancel()
        self.runtime.observer.actor_unparked(ref.kind)
        return parked

    def _launch(self, child: Child[ObjectRef]) -> None:
        child.start(partial(self._start, child.key))

    def _ended(self, child: Child[ObjectRef]) -> None:
        """Forget a child that retired, or start it again for mail that came too late."""
        child.crashes = None
        if child.waiting is None:
            self._forget(child)
        else:
            self._launch(child)

    def _forget(self, child: Child[ObjectRef]) -> None:
        child.refuse_waiting()
        self._children.pop(child.key, None)
        if self._emptied is not None and not self._children and not self._emptied.done():
            self._emptied.set_result(None)

    def _crashed(self, child: Child[ObjectRef], error: BaseException) -> None:
        now, version = self.runtime.clock.monotonic(), self._version_of(child.key)
        crashes = child.crashes = child.crashes or Crashes(self._intensity, version)
        if crashes.record(now, version):
            self._park(child, version, error, crashes.parkings + 1)
            return
        delay = self._backoff.delay(crashes.attempt, self.runtime.random)
        child.start_after(delay, self.runtime.clock)

    def _restart(self, child: Child[ObjectRef]) -> None:
        if child.crashes is not None:
            child.crashes.version = self._version_of(child.key)
        child.deliver(Reconcile(Reason(Cause.RESTARTED)), self.runtime.clock)
        self.runtime.observer.actor_restarted(child.key.kind)
        self._launch(child)

    def _park(
        self,
        child: Child[ObjectRef],
        version: Hashable | None,
        error: BaseException,
        parkings: int,
    ) -> None:
        ref, delay = child.key, retry_delay(parkings)
        logger.error(
            "%s is parked, again in %.0f minutes", ref, delay / 60, extra={"object": str(ref)}
        )
        self._forget(child)
        retry = self.runtime.clock.call_later(delay, partial(self._retry, ref))
        self._parked[ref] = Parked(
            version,
            error,
            parkings,
            retry,
            self.now() + delay,
            child.last_crash.trace if child.last_crash is not None else None,
        )
        self.runtime.observer.actor_parked(ref.kind)
        notice = self._notices[ref] = self.loop.create_task(self._notify(ref, error))
        notice.add_done_callback(partial(self._notified, ref))

    def _notified(self, ref: ObjectRef, notice: asyncio.Task[None]) -> None:
        if self._notices.get(ref) is notice:
            del self._notices[ref]

    async def _notify(self, ref: ObjectRef, error: BaseException) -> None:
        """Call `on_parked`; its failure or delay affects no other object."""
        try:
            outcome = self._on_parked(ref, error)
            if inspect.isawaitable(outcome):
                await outcome
        except Exception:
            logger.exception("%s: on_parked failed", ref, extra={"object": str(ref)})

    async def _release(self) -> None:
        grace = self._last_grace()
        for parked in self._parked.values():
            parked.retry.cancel()
        emptied = self._emptied = self.loop.create_future()
        for child in list(self._children.values()):
            if not child.stop_soon():
                self._forget(child)
        if self._children and not await grace.finished(emptied):
            cancel(self._children.values())
            if not await grace.unwound(emptied):
                give_up(self._children.values(), grace)
        for notice in self._notices.values():
            notice.cancel()
        await grace.unwound(asyncio.gather(*self._notices.values(), return_exceptions=True))


def _living(child: Child[ObjectRef]) -> dict[str, Any]:
    return {
        "object": str(child.key),
        "actor": child.ref and child.ref.describe,
        "waits": child.waits(),
    }


def _parked(ref: ObjectRef, parked: Parked) -> dict[str, Any]:
    trace = parked.trace.as_json() if parked.trace is not None else []
    return {"object": str(ref), "error": parked.what, "trace": trace}


class Population(NamedTuple):
    """The number of parked objects and of waiting messages of one kind of actor."""

    kind: str
    parked: int
    mail: int
