"""So many reconciles at once, fairly among kinds and namespaces."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from actors.runtime.actor import Actor
from actors.runtime.context import Runtime
from actors.runtime.results import Done
from actors.runtime.turns import SLOW, SLOW_ONES, Turns
from tests.actor_examples import reconcile
from tests.fake_clock import FakeClock, settle

if TYPE_CHECKING:
    from actors.runtime.reason import Reasons
    from actors.runtime.results import Result

MOST = 3


class Turned(Actor):
    """Reconciles until it is let go; says so in the house's list."""

    def __init__(self, house: House, kind: str, namespace: str, name: str) -> None:
        super().__init__(house.runtime)
        self.house = house
        self.where = kind, namespace
        self.name = name

    @property
    def lane(self) -> tuple[str, str]:
        return self.where

    async def on_receive(self, message: Any) -> Any:
        return message

    async def on_reconcile(self, reasons: Reasons) -> Result:  # noqa: ARG002
        self.house.order.append(self.name)
        gate = self.house.running[self.name] = asyncio.Event()
        try:
            await gate.wait()
        finally:
            del self.house.running[self.name]
        return Done()


class House:
    """Actors that take turns, in the order in which they reconciled."""

    def __init__(self, most: int = MOST) -> None:
        self.clock = FakeClock()
        self.runtime = Runtime(self.clock, random.Random(1), turns=Turns(most))
        self.order: list[str] = []
        self.running: dict[str, asyncio.Event] = {}
        self.actors: list[Turned] = []

    async def tell(self, kind: str, namespace: str, count: int) -> None:
        for number in range(count):
            actor = Turned(self, kind, namespace, f"{kind}/{namespace}/{number}")
            self.actors.append(actor)
            actor.launch().tell(reconcile("listed"))
        await settle()

    async def finish(self) -> None:
        """Let the reconcile end that has run longest."""
        next(iter(self.running.values())).set()
        await settle()

    async def drain(self) -> None:
        while self.running:
            await self.finish()

    async def stop(self) -> None:
        for actor in self.actors:
            actor.actor_ref.kill()
        await settle()


async def test_no_more_than_so_many_reconcile_at_once_and_all_do_in_the_end():
    house = House()
    await house.tell("Falco", "a", 20)
    at_once = set()
    while house.running:
        at_once.add(len(house.running))
        await house.finish()
    assert max(at_once) == MOST
    assert house.order == [f"Falco/a/{number}" for number in range(20)]
    assert house.clock.armed == []
    await house.stop()


async def test_whoever_comes_after_a_crowd_of_another_kind_or_namespace_is_among_the_next():
    house = House()
    await house.tell("Falco", "crowd", 100)
    await house.tell("Falco", "small", 1)
    await house.tell("Rulesfile", "small", 1)
    await house.drain()
    assert house.order.index("Rulesfile/small/0") <= MOST + 2
    assert house.order.index("Falco/small/0") <= MOST + 3
    await house.stop()


async def test_those_who_wait_cost_no_task_and_answer_and_stop_at_once():
    house = House()
    before = len(asyncio.all_tasks())
    await house.tell("Falco", "a", 50)
    assert len(asyncio.all_tasks()) - before == MOST
    waiting = house.actors[-1].actor_ref
    assert await waiting.ask("a question") == "a question"
    assert await waiting.stop() is True
    house.actors[-2].actor_ref.kill()
    await settle()
    assert not house.actors[-2].actor_ref.is_alive()
    await house.drain()
    assert len(house.order) == 48
    await house.stop()


async def test_requests_that_hang_hold_others_up_for_seconds_only():
    house = House()
    await house.tell("Falco", "hangs", 10)
    await house.tell("Rulesfile", "b", 1)
    assert "Rulesfile/b/0" not in house.order
    await house.clock.advance(SLOW)
    assert "Rulesfile/b/0" in house.order[: MOST + 2]
    assert len(house.running) == 2 * MOST
    await house.stop()


async def test_no_more_are_begun_if_all_are_slow_until_one_ends():
    house = House()
    await house.tell("Falco", "a", 10 * MOST)
    for _ in range(8):
        await house.clock.advance(SLOW)
    most = MOST + SLOW_ONES * MOST
    assert len(house.running) == most
    await house.finish()
    await house.clock.advance(SLOW)
    assert len(house.order) > most
    await house.drain()
    assert len(house.order) == 10 * MOST
    await house.stop()


async def test_an_actor_that_crashes_or_is_killed_in_its_turn_gives_it_back():
    house = House(1)
    await house.tell("Falco", "a", 3)
    house.actors[0].actor_ref.kill()
    await settle()
    assert house.order[1:] == ["Falco/a/1"]
    await house.finish()
    assert house.order[2:] == ["Falco/a/2"]
    await house.stop()


steps = st.lists(
    st.one_of(
        st.tuples(st.just("tell"), st.integers(0, 5)),
        st.tuples(st.just("stop"), st.integers(0, 5)),
        st.tuples(st.just("kill"), st.integers(0, 5)),
        st.tuples(st.just("finish"), st.just(0)),
        st.tuples(st.just("wait"), st.sampled_from([1, 6])),
    ),
    max_size=40,
)


@given(steps)
def test_no_reconcile_is_lost_whatever_happens_to_whom(steps):
    """Every actor that lives in the end has reconciled after it was last told."""
    asyncio.run(_history(steps))


async def _history(steps: list[tuple[str, int]]) -> None:
    house = House(2)
    for kind in ("Falco", "Plugin"):
        await house.tell(kind, "a", 3)
    for step, number in steps:
        actor = house.actors[number % 6]
        if not actor.actor_ref.is_alive() and step not in {"finish", "wait"}:
            continue
        if step == "tell":
            actor.actor_ref.tell(reconcile("changed"))
        elif step == "stop":
            actor.actor_ref.stop()
        elif step == "kill":
            actor.actor_ref.kill()
        elif step == "wait":
            await house.clock.advance(number)
        elif house.running:
            await house.finish()
        await settle()
    await house.drain()
    assert all(actor.actor_inbox.empty() for actor in house.actors)
    assert house.clock.armed == []
    await house.stop()
