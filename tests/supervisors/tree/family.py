"""A supervisor with children that the test moves about."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal

import pytest

from actors.runtime.actor import Actor
from actors.runtime.backoff import Backoff
from actors.runtime.lifecycle import Exit, ExitReason
from actors.runtime.mail import Stop
from supervisors.tree.child_spec import ChildSpec, Restart
from supervisors.tree.intensity import Intensity
from supervisors.tree.stopping import Budget
from supervisors.tree.supervisor import Strategy, Supervisor
from tests.actor_examples import fake_runtime
from tests.fake_clock import settle

if TYPE_CHECKING:
    from actors.runtime.context import Runtime
    from actors.runtime.ref import ActorRef

# Restart type, exit reason, and whether the child is to be started again.
EACH_RESTART = pytest.mark.parametrize(
    ("restart", "reason", "again"),
    [
        (Restart.PERMANENT, ExitReason.NORMAL, True),
        (Restart.PERMANENT, ExitReason.SHUTDOWN, True),
        (Restart.PERMANENT, ExitReason.CRASH, True),
        (Restart.TRANSIENT, ExitReason.NORMAL, False),
        (Restart.TRANSIENT, ExitReason.SHUTDOWN, False),
        (Restart.TRANSIENT, ExitReason.CRASH, True),
        (Restart.TEMPORARY, ExitReason.NORMAL, False),
        (Restart.TEMPORARY, ExitReason.SHUTDOWN, False),
        (Restart.TEMPORARY, ExitReason.CRASH, False),
    ],
)
DEADLINE = 10.0
MOST_BACKOFF = 4.0


class Member(Actor):
    """Writes its turns into the family's log; waits at the gates that are closed for it."""

    def __init__(self, runtime: Runtime, name: str, family: Family) -> None:
        super().__init__(runtime)
        self.name = name
        self.family = family

    async def on_start(self) -> None:
        self.family.log.append(f"{self.name} starts")
        await self._pass("start")
        error = self.family.failing.get(self.name)
        if error is not None:
            raise error

    async def on_receive(self, message: Any) -> Any:
        if isinstance(message, Exception):
            raise message
        self.family.log.append(f"{self.name} works")
        await self._pass("work")

    async def on_stop(self) -> None:
        self.family.log.append(f"{self.name} stops")
        await self._pass("stop")

    async def _pass(self, hook: str) -> None:
        gate = self.family.gates.get((self.name, hook))
        if gate is not None:
            try:
                await gate.wait()
            except asyncio.CancelledError:
                self.family.log.append(f"{self.name} is cancelled")
                raise


class _Deaf(asyncio.Event):
    """Waiting for it outlasts the first cancelling."""

    async def wait(self) -> Literal[True]:
        try:
            return await super().wait()
        except asyncio.CancelledError:
            return await super().wait()


class Family:
    """Children by name, all in one log."""

    def __init__(self) -> None:
        self.runtime, self.clock, self.observer = fake_runtime()
        self.log: list[str] = []
        self.refs: dict[str, ActorRef[Any]] = {}
        self.failing: dict[str, Exception] = {}
        self.gates: dict[tuple[str, str], asyncio.Event] = {}
        self.exits: list[Exit] = []

    def close(self, name: str, hook: str, *, deaf: bool = False) -> asyncio.Event:
        """Have that child wait in that hook until the event is set, though it be cancelled."""
        gate = self.gates[name, hook] = _Deaf() if deaf else asyncio.Event()
        return gate

    def spec(self, name: str, restart: Restart = Restart.PERMANENT) -> ChildSpec:
        def start() -> ActorRef[Any]:
            self.refs[name] = Member.start(self.runtime, name, self)
            return self.refs[name]

        return ChildSpec(name, start, restart, DEADLINE)

    def launch(
        self,
        *children: str | ChildSpec,
        strategy: Strategy = Strategy.ONE_FOR_ONE,
        most: int = 3,
    ) -> ActorRef[Supervisor]:
        """Start a supervisor; its exit goes to `exits`."""
        ref = self.start(*children, strategy=strategy, most=most)
        ref.link(lambda _, end: self.exits.append(end), lambda _: self.log.append("all up"))
        return ref

    def start(
        self,
        *children: str | ChildSpec,
        strategy: Strategy = Strategy.ONE_FOR_ONE,
        most: int = 3,
    ) -> ActorRef[Supervisor]:
        """Start a supervisor that is to have a supervisor above it."""
        return Supervisor.start(
            self.runtime,
            "family",
            [self.spec(child) if isinstance(child, str) else child for child in children],
            strategy=strategy,
            intensity=Intensity(most, 60),
            backoff=Backoff(1, MOST_BACKOFF),
            budget=Budget(DEADLINE, DEADLINE),
        )

    def happened(self) -> list[str]:
        """The log since the last time it was asked for."""
        log = self.log[:]
        self.log.clear()
        return log

    async def end(self, name: str, reason: ExitReason, error: Exception | None = None) -> None:
        """Have that child end like this."""
        self.refs[name].tell(Stop(Exit(reason, error)))
        await settle()
