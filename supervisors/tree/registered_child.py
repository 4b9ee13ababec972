"""A child of a supervisor that other parts of the process can find."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Generic, TypeVar

import pykka

from actors.runtime.actor import Actor
from supervisors.tree.child_spec import ChildSpec, Restart

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.runtime.ref import ActorRef

A = TypeVar("A", bound=Actor)


class RegisteredChild(Generic[A]):
    """A child spec and the actor that was started by it last, like a registered name in Erlang.

    `make` makes the actor, anew at each start; `after_start` is called once it is launched.
    """

    def __init__(
        self,
        name: str,
        make: Callable[[], A],
        restart: Restart = Restart.PERMANENT,
        *,
        stop_deadline: float = 10.0,
        reserve: float = 0.0,
        after_start: Callable[[], object] = lambda: None,
    ) -> None:
        self._make = make
        self._after_start = after_start
        self.spec = ChildSpec(name, self._start, restart, stop_deadline, reserve)
        self.started: A | None = None
        """The actor that was started last, dead or alive; None before the first start."""

    @property
    def actor(self) -> A:
        """The actor that was started last; for callers that run after its start only."""
        assert self.started is not None, f"{self.spec.name} has not been started yet"
        return self.started

    def tell(self, message: object) -> None:
        """Send a message; it is dropped if the actor is not started yet or being restarted."""
        if self.started is not None:
            with suppress(pykka.ActorDeadError):
                self.started.actor_ref.tell(message)

    def _start(self) -> ActorRef[A]:
        self.started = self._make()
        ref = self.started.launch()
        self._after_start()
        return ref
