"""How the rest of the process talks to an actor."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import pykka

from actors.runtime.mail import Mail, Reconcile, Stop

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.runtime.actor import Actor
    from actors.runtime.lifecycle import Exit
    from actors.runtime.mail import Inbox

A = TypeVar("A", bound="Actor")

ASK_TIMEOUT = 10.0
"""Seconds that an asker waits for the answer, unless it says otherwise."""


class ActorRef(pykka.ActorRef[A]):  # type: ignore[type-var] # see actors.runtime.hooks
    """pykka's ref of an actor on the running loop; never blocks.

    The ref keeps the actor in memory while the actor lives. All methods are for the loop's thread.
    """

    actor_inbox: Inbox  # type: ignore[assignment] # pykka's has put and get, by which it runs

    def tell(self, message: Any) -> None:
        """Send a message.

        Raises pykka.ActorDeadError if the actor is ending, gone, or not yet launched.
        """
        if self.actor_stopped.is_set() or self.actor_inbox.actor is None:
            raise pykka.ActorDeadError(f"{self} not found")
        self.actor_inbox.post(message)

    def ask(  # type: ignore[override] # never blocks
        self, message: Any, *, timeout: float = ASK_TIMEOUT
    ) -> asyncio.Future[Any]:
        """Send a message and return the future of its answer.

        The future raises what the handler raised, pykka.ActorDeadError if no actor handles the
        message, and TimeoutError after this many seconds. The message is handled all the same, and
        the late answer dropped. A `Reconcile` has no answer and raises TypeError.
        """
        if type(message) is Reconcile:
            raise TypeError("a Reconcile is told: it coalesces with others and has no answer")
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        actor = self.actor_inbox.actor
        if actor is None or self.actor_stopped.is_set():
            answer.set_exception(pykka.ActorDeadError(f"{self} not found"))
            return answer

        def expire() -> None:
            if not answer.done():
                answer.set_exception(TimeoutError(f"{self} gave no answer in {timeout:g} s"))

        expiry = actor.runtime.clock.call_later(timeout, expire)
        answer.add_done_callback(lambda _: expiry.cancel())
        self.actor_inbox.post(message, answer)
        return answer

    def stop(self) -> asyncio.Future[bool]:  # type: ignore[override] # never blocks
        """Have the actor stop before its next message; the future is done when it is gone.

        The future is True if this stopped the actor, False if it was ending or gone already.
        """
        gone: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        if self.actor_stopped.is_set():
            gone.set_result(False)
        else:
            self.actor_inbox.post(Stop(), gone)
        return gone

    def kill(self) -> None:
        """Cancel the running handler; the actor is gone once the handler has unwound."""
        if (actor := self.actor_inbox.actor) is not None:
            actor.kill()

    def link(
        self,
        on_exit: Callable[[Actor, Exit], None],
        on_ready: Callable[[Actor], None] | None = None,
    ) -> None:
        """Call back when the actor is ready, and once when it is gone.

        Link right after `start`: neither happens before the next step of the loop. `on_exit` may
        take over the mail that the actor did not handle; the rest is refused. Raises
        pykka.ActorDeadError if the actor is gone, and RuntimeError if it is linked: a second link
        would take the actor from its supervisor.
        """
        actor = self.actor_inbox.actor
        if actor is None:
            raise pykka.ActorDeadError(f"{self} is gone, or was never launched")
        actor.link(on_exit, on_ready)

    def adopt(self, mail: Mail) -> None:
        """Give the actor the mail that its predecessor did not handle."""
        self.actor_inbox.absorb(mail)
        if (actor := self.actor_inbox.actor) is not None and not self.actor_inbox.empty():
            actor.wake()

    def describe(self) -> dict[str, Any]:
        """The actor's own description for the debug dump."""
        actor = self.actor_inbox.actor
        return {"state": "stopped"} if actor is None else actor.describe()

    def activity(self) -> str:
        """What the actor does at this moment, for logs."""
        actor = self.actor_inbox.actor
        return "gone" if actor is None else actor.activity()

    def proxy(self) -> NoReturn:
        """Refuse: a proxy would read and call the actor past its mail."""
        raise NotImplementedError("tell or ask instead")
