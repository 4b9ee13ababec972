"""The hooks of an actor: what a subclass does at each step of its life."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from actors.runtime.results import Done, Result

if TYPE_CHECKING:
    import threading
    from types import TracebackType

    from actors.runtime.reason import Reasons

    class _PykkaActor:
        """What pykka.Actor sets, without its hooks: those are typed as plain functions there."""

        actor_urn: str
        actor_stopped: threading.Event

else:
    from pykka import Actor as _PykkaActor

logger = logging.getLogger(__name__)


class Hooks(_PykkaActor):
    """pykka's hooks as coroutines, and `on_reconcile`.

    `kind` labels the actor in metrics and dumps; by default it is the name of the class. Messages
    of the `routine` types are in its trace only if it crashes.
    """

    kind: str = "Actor"
    routine: tuple[type, ...] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "kind" not in cls.__dict__:
            cls.kind = cls.__name__

    @property
    def lane(self) -> tuple[str, str] | None:
        """Kind and namespace, if the actor has to wait for its turn to reconcile."""
        return None

    async def on_start(self) -> None:
        """Prepare for the first message; an exception is a crash."""

    async def on_receive(self, message: Any) -> Any:
        """Handle a message and return the answer; the default logs a warning."""
        logger.warning("%s does not know the message %s", self, type(message).__name__)

    async def on_reconcile(self, reasons: Reasons) -> Result:
        """Bring the object to its wanted state, for these reasons; the default logs a warning."""
        logger.warning("%s does not reconcile (%s)", self, reasons)
        return Done()

    async def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Clean up after a crash, in place of `on_stop`; not run when the actor is killed."""

    async def on_stop(self) -> None:
        """Clean up after the last message; not run when the actor crashed or is killed."""
