"""Everything stops within one budget, and no actor ever runs beside a former life of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

from hypothesis import example, given
from hypothesis import strategies as st

from actors.runtime.activity import Waiting
from actors.runtime.actor import Actor
from actors.runtime.backoff import Backoff
from actors.runtime.results import Done
from actors.runtime.task_actor import TaskActor
from supervisors.tree.child_spec import ChildSpec
from supervisors.tree.dynamic import DynamicSupervisor
from supervisors.tree.intensity import Intensity
from supervisors.tree.stopping import Budget
from supervisors.tree.supervisor import Strategy, Supervisor
from tests.actor_examples import BugError, fake_runtime, reconcile
from tests.fake_clock import settle
from tests.supervisors.tree.crowd import ref_of

if TYPE_CHECKING:
    from actors.runtime.reason import Reasons
    from actors.runtime.ref import ActorRef
    from actors.runtime.results import Result
    from resources.kubernetes.reference import ObjectRef

BUDGET = Budget(finish=10.0, unwind=6.0)
RESERVE = 6.0
REQUEST = "PATCH /apis/apps/v1/daemonsets/a"


class Slow(Actor):
    """Waits for a request for a minute; being cancelled, it takes the house's time to unwind."""

    def __init__(self, house: House, ref: ObjectRef) -> None:
        super().__init__(house.runtime)
        self.house = house
        self.ref = ref

    async def on_receive(self, message: Exception) -> None:
        raise message

    async def on_reconcile(self, reasons: Reasons) -> Result:  # noqa: ARG002
        house = self.house
        house.running[self.ref] += 1
        house.most = max(house.most, house.running[self.ref])
        try:
            with Waiting(REQUEST):
                await house.clock.sleep(60.0)
        except asyncio.CancelledError:
            await house.clock.sleep(house.unwinding)
            raise
        finally:
            house.running[self.ref] -= 1
        return Done()


class Leader(TaskActor):
    """Gives the Lease back last; crashes when told so."""

    def __init__(self, house: House) -> None:
        super().__init__(house.runtime)
        self.house = house

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def on_receive(self, message: Exception) -> None:
        raise message

    async def on_stop(self) -> None:
        await self.house.clock.sleep(RESERVE - 1)
        self.house.given_back_at = self.house.clock.monotonic()


class House:
    """A leader, and after it crowds of slow actors."""

    def __init__(self, crowds: int, unwinding: float, budget: Budget = BUDGET) -> None:
        self.runtime, self.clock, _ = fake_runtime()
        self.unwinding = unwinding
        self.running: Counter[ObjectRef] = Counter()
        self.most = 0
        self.given_back_at: float | None = None
        self.leader: ActorRef[Any] | None = None
        self.crowds: dict[str, DynamicSupervisor] = {}
        self.budget = budget
        self.root = Supervisor(
            self.runtime,
            "root",
            [ChildSpec("leader", self._lead, reserve=RESERVE), *map(self._spec, range(crowds))],
            strategy=Strategy.REST_FOR_ONE,
            intensity=Intensity(100, 60),
            backoff=Backoff(0.1, 1.0),
            budget=budget,
        )
        self.root.launch()

    def _lead(self) -> ActorRef[Any]:
        self.leader = Leader.start(self)
        return self.leader

    def _spec(self, number: int) -> ChildSpec:
        name = f"crowd-{number}"

        def start() -> ActorRef[Any]:
            self.crowds[name] = crowd = DynamicSupervisor(
                self.runtime,
                name,
                lambda ref: Slow(self, ref).launch(),
                lambda _: None,
                lambda *_: None,
                intensity=Intensity(100, 60),
                backoff=Backoff(0.1, 1.0),
                budget=self.budget,
            )
            return crowd.launch()

        return ChildSpec(name, start)

    def deliver(self, number: int, name: str) -> None:
        crowd = self.crowds.get(f"crowd-{number}")
        if crowd is not None:
            crowd.deliver(ref_of(f"{name}-{number}"), reconcile("changed"))

    def crash(self, ref: ActorRef[Any] | None) -> None:
        if ref is not None and ref.is_alive():
            ref.tell(BugError("bug"))


async def test_four_crowds_with_slow_requests_stop_within_one_budget(caplog):
    house = House(crowds=4, unwinding=0.5)
    await settle()
    for number in range(4):
        house.deliver(number, "a")
    await settle()
    stopping = house.root.shut_down(BUDGET)
    await house.clock.advance(BUDGET.finish + BUDGET.unwind + RESERVE)
    assert stopping.done()
    assert house.given_back_at is not None
    assert house.given_back_at < BUDGET.finish + BUDGET.unwind + RESERVE
    doing = f"Reconcile for 10.0 s, waiting 10.0 s for {REQUEST}"
    assert f"Falco/default/a-3 did not stop in time and is cancelled: {doing}" in caplog.text


async def test_the_leader_has_its_own_time_though_others_cannot_be_cancelled(caplog):
    house = House(crowds=1, unwinding=1000.0)
    await settle()
    house.deliver(0, "a")
    await settle()
    stopping = house.root.shut_down(BUDGET)
    await house.clock.advance(BUDGET.finish + BUDGET.unwind + RESERVE)
    assert stopping.done()
    assert house.given_back_at is not None
    assert "Falco/default/a-0 cannot be cancelled: Reconcile for 16.0 s" in caplog.text
    await house.clock.advance(1000.0)


async def test_a_shutdown_also_shortens_what_is_being_stopped_for_a_restart():
    house = House(crowds=2, unwinding=0.0, budget=Budget(finish=1000.0, unwind=1000.0))
    await settle()
    house.deliver(1, "a")
    await settle()
    house.crash(house.leader)
    await house.clock.advance(1.0)
    stopping = house.root.shut_down(Budget(finish=2.0, unwind=2.0))
    await house.clock.advance(4.0)
    assert stopping.done()


# What happens, and how many seconds pass after it.
steps = st.lists(
    st.tuples(
        st.sampled_from(["deliver 0", "deliver 1", "leader", "crowd 0", "crowd 1", "actor 0"]),
        st.sampled_from([0.0, 0.05, 1.0, 9.0, 15.0]),
    ),
    min_size=3,
    max_size=14,
)


@given(steps, st.sampled_from([0.0, 0.5, 5.0, 12.0]))
@example([("deliver 0", 0.0), ("crowd 0", 9.0), ("leader", 9.0), ("deliver 0", 0.0)], 12.0)
@example([("deliver 0", 0.0), ("crowd 0", 15.0), ("leader", 9.0), ("deliver 0", 0.0)], 12.0)
def test_two_reconciles_of_one_object_never_run_at_once(steps, unwinding):
    """Whatever crashes, and however slowly a cancelled handler unwinds."""
    asyncio.run(_history(steps, unwinding))


async def _history(steps: list[tuple[str, float]], unwinding: float) -> None:
    house = House(crowds=2, unwinding=unwinding)
    await settle()
    for step, seconds in steps:
        what, _, number = step.partition(" ")
        crowd = house.crowds.get(f"crowd-{number or 0}")
        if what == "deliver":
            house.deliver(int(number), "a")
        elif what == "leader":
            house.crash(house.leader)
        elif what == "crowd" and crowd is not None and crowd.actor_ref.is_alive():
            crowd.actor_ref.tell(None)  # which has no child: a bug
        elif crowd is not None:
            for child in crowd._children.values():
                house.crash(child.ref)
        await house.clock.advance(seconds)
    house.root.shut_down(BUDGET)
    await house.clock.advance(100.0)
    assert house.most <= 1
    assert not house.running.total()
