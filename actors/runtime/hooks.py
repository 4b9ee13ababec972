"""What a subclass says about itself, and what it does at each turn of its life."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from actors.runtime.results import Done, Result

if TYPE_CHECKING:
    import threading
    from types import TracebackType

    class _PykkaActor:
        """What pykka.Actor sets, without its hooks: those are typed as plain functions there."""

        actor_urn: str
        actor_stopped: threading.Event

else:
    from pykka import Actor as _PykkaActor

logger = logging.getLogger(__name__)


class Hooks(_PykkaActor):
    """pykka's hooks as coroutines, and one more: `on_reconcile`.

    `kind` labels the actor in metrics and dumps, and is the name of its class unless it says
    otherwise. `calls` is 0 when a message begins; a subclass counts its API requests there, for
    the trace.
    """

    kind: str = "Actor"
    calls: int = 0

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "kind" not in cls.__dict__:
            cls.kind = cls.__name__

    async def on_start(self) -> None:
        """Set up before the first message; what it raises is a crash."""

    async def on_receive(self, message: Any) -> Any:
        """Handle a message and give the reply; the default leaves a warning."""
        logger.warning("%s does not know the message %s", self, type(message).__name__)

    async def on_reconcile(self, reasons: frozenset[str]) -> Result:
        """Look at the object for these reasons; the default leaves a warning."""
        logger.warning("%s does not reconcile (%s)", self, ", ".join(sorted(reasons)))
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
