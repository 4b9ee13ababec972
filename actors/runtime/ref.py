"""How the rest of the world talks to an actor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import pykka

from actors.runtime.future import Future
from actors.runtime.mail import Mail, Stop

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.runtime.actor import Actor
    from actors.runtime.inbox import Inbox
    from actors.runtime.lifecycle import Exit

A = TypeVar("A", bound="Actor")


class ActorRef(pykka.ActorRef[A]):  # type: ignore[type-var] # see actors.runtime.hooks
    """pykka's ref over one loop: `tell`, `ask` and `stop` from any thread, never blocking.

    Whatever else is here is for the loop's thread. The ref keeps the actor alive while the actor
    lives; when that is gone, the ref is an empty shell.
    """

    actor_inbox: Inbox

    def tell(self, message: Any) -> None:
        """Send a message; raises pykka.ActorDeadError if the actor is ending or gone.

        From another thread the actor may still end before the message arrives, which then is lost.
        """
        if self.actor_stopped.is_set():
            raise pykka.ActorDeadError(f"{self} not found")
        self.actor_inbox.post(message)

    def ask(self, message: Any) -> Future[Any]:  # type: ignore[override] # never blocks
        """Send a message and give the future of its answer: await it, or get it off the loop.

        The future raises what the handler raised, or pykka.ActorDeadError if nobody handled it.
        """
        future: Future[Any] = Future()
        if self.actor_stopped.is_set():
            dead = pykka.ActorDeadError(f"{self} not found")
            future.set_exception((pykka.ActorDeadError, dead, None))
        else:
            self.actor_inbox.post(message, future)
        return future

    def stop(self) -> Future[bool]:  # type: ignore[override] # never blocks
        """Have the actor stop before its next message; the future is there when it is gone.

        True if this stopped it, False if it was ending or gone already.
        """
        future: Future[bool] = Future()
        if self.actor_stopped.is_set():
            future.set(False)
        else:
            self.actor_inbox.post(Stop(), future)
        return future

    def kill(self) -> None:
        """Cancel whatever the actor is at; it is gone once its handler has unwound."""
        if (actor := self.actor_inbox.actor) is not None:
            actor.kill()

    def link(
        self,
        on_exit: Callable[[Actor, Exit], None],
        on_ready: Callable[[Actor], None] | None = None,
    ) -> None:
        """Be called when the actor is ready, and once when it is gone; call this before either.

        Between `start` and the next step of the loop neither can have happened. `on_exit` may take
        over the mail that the actor did not get to; what it leaves is refused. A gone actor
        raises pykka.ActorDeadError.
        """
        actor = self.actor_inbox.actor
        if actor is None:
            raise pykka.ActorDeadError(f"{self} is gone, or was never launched")
        actor.link(on_exit, on_ready)

    def adopt(self, mail: Mail) -> None:
        """Give the actor the mail that its predecessor did not get to."""
        self.actor_inbox.absorb(mail)
        if (actor := self.actor_inbox.actor) is not None and not self.actor_inbox.empty():
            actor.wake()

    def describe(self) -> dict[str, Any]:
        """The actor's own description for the debug dump."""
        actor = self.actor_inbox.actor
        return {"state": "stopped"} if actor is None else actor.describe()

    def proxy(self) -> NoReturn:
        """Refuse: a proxy would reach into the actor past its mail."""
        raise NotImplementedError("tell or ask instead")
