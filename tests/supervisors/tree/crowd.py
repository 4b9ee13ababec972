"""A dynamic supervisor of actors that do as they are told."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from actors.runtime.backoff import Backoff
from resources.kubernetes.reference import ObjectRef
from supervisors.tree.dynamic import DynamicSupervisor
from supervisors.tree.intensity import Intensity
from supervisors.tree.stopping import Budget
from tests.actor_examples import BugError, Probe, fake_runtime
from tests.fake_clock import settle

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Hashable

    from actors.runtime.ref import ActorRef

DEADLINE = 10.0
MOST_BACKOFF = 4.0


def ref_of(name: str) -> ObjectRef:
    return ObjectRef("Falco", "default", name)


class SlowProbe(Probe):
    """Stops when it may."""

    kind = "Probe"
    gate: asyncio.Event | None = None

    async def on_stop(self) -> None:
        await super().on_stop()
        if self.gate is not None:
            await self.gate.wait()


class Crowd:
    """The supervisor, what its actors did by name, and knobs for what they shall do."""

    def __init__(self, most: int = 3) -> None:
        self.runtime, self.clock, self.observer = fake_runtime()
        self.log: dict[str, list[Any]] = defaultdict(list)
        self.results: dict[str, list[Any]] = defaultdict(list)
        self.refs: dict[str, ActorRef[Any]] = {}
        self.slow_stop: dict[str, asyncio.Event] = {}
        self.unmakeable: dict[str, int] = {}
        self.versions: dict[str, Hashable | None] = defaultdict(lambda: 1)
        self.parkings: list[tuple[str, BaseException]] = []
        self.supervisor = DynamicSupervisor(
            self.runtime,
            "falcos",
            self._start,
            lambda ref: self.versions[ref.name],
            self.on_parked,
            intensity=Intensity(most, 60 if most < 100 else 1e6),
            backoff=Backoff(1, MOST_BACKOFF),
            budget=Budget(DEADLINE, DEADLINE),
        )
        self.supervisor.launch()

    def on_parked(self, ref: ObjectRef, error: BaseException) -> Any:
        self.parkings.append((ref.name, error))

    async def deliver(self, name: str, *messages: Any) -> None:
        for message in messages:
            self.supervisor.deliver(ref_of(name), message)
        await settle()

    async def stop(self) -> None:
        await self.supervisor.actor_ref.stop()

    def _start(self, ref: ObjectRef) -> ActorRef[Any]:
        if self.unmakeable.get(ref.name, 0) > 0:
            self.unmakeable[ref.name] -= 1
            raise BugError("no actor")
        actor = SlowProbe(self.runtime, self.log[ref.name], self.results[ref.name])
        actor.gate = self.slow_stop.get(ref.name)
        self.refs[ref.name] = actor.launch()
        return self.refs[ref.name]
