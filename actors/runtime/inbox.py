"""Mail that wakes its actor, from whatever thread it comes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from actors.runtime.mail import Letter, Mail

if TYPE_CHECKING:
    import threading

    import pykka
    from pykka._envelope import Envelope

    from actors.runtime.actor import Actor


class Stopped:
    """Whether an actor takes no more mail: 40 bytes where pykka's threading.Event has 1.2 KB.

    Nobody waits for it, one only looks, so it needs no lock.
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
        """Make one under the type that pykka declares."""
        return cast("threading.Event", cls())


class Inbox(Mail):
    """pykka's inbox over `Mail`: safe from any thread, and direct on the loop's own.

    Takes mail until the actor is gone: what comes while it is ending can go to a successor, and is
    refused if there is none. Holds the actor just as long: whoever has a ref keeps its actor alive,
    and a stale ref holds no more than itself.
    """

    __slots__ = ("_actor",)

    def __init__(self) -> None:
        super().__init__()
        self._actor: Actor | None = None

    @property
    def actor(self) -> Actor | None:
        """The actor that is served from here, until it is gone."""
        return self._actor

    def bind(self, actor: Actor) -> None:
        """Wake this actor from now on."""
        self._actor = actor

    def post(self, message: Any, reply_to: pykka.Future[Any] | None = None) -> None:
        """Send; messages of one thread arrive in the order in which it sent them."""
        actor = self._actor
        if actor is None:
            Letter(message, reply_to, 0).refuse()
            return
        at = actor.runtime.clock.monotonic()
        loop = actor.loop
        if _runs_here(loop):
            self._accept(message, reply_to, at)
            return
        try:
            loop.call_soon_threadsafe(self._accept, message, reply_to, at)
        except RuntimeError:  # the loop is closed, and with it every actor dead
            Letter(message, reply_to, at).refuse()

    def close(self) -> None:
        """Refuse what waits, and let go of the actor."""
        self._actor = None
        self.refuse()

    def put(self, envelope: Envelope[Any], /) -> None:
        """Send pykka's envelope."""
        self.post(envelope.message, envelope.reply_to)

    def get(self) -> Envelope[Any]:
        """Never called: the actor takes letters, which know their age."""
        raise NotImplementedError("take letters instead")

    def _accept(self, message: Any, reply_to: pykka.Future[Any] | None, at: float) -> None:
        actor = self._actor
        if actor is None:
            Letter(message, reply_to, at).refuse()
            return
        self.add(message, reply_to, at)
        actor.wake()


def _runs_here(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
