"""So many reconciles run at once, and no crowd waits for another."""

import asyncio
from contextlib import suppress

from actors.write.turns import Turns
from tests.fake_clock import settle


class House:
    """Reconciles that begin when it is their turn, and end when they are let go."""

    def __init__(self, most):
        self.turns = Turns(most)
        self.running: list[str] = []
        self._ends: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    def begin(self, crowd, *names):
        for name in names:
            self._ends[name] = asyncio.Event()
            self.tasks[name] = asyncio.create_task(self._run(crowd, name))

    async def end(self, name):
        self._ends[name].set()
        await settle()

    async def _run(self, crowd, name):
        async with self.turns.of(crowd):
            self.running.append(name)
            try:
                await self._ends[name].wait()
            finally:
                self.running.remove(name)


async def test_no_more_run_at_once_and_all_run_in_the_end():
    house = House(2)
    house.begin("a", "1", "2", "3", "4")
    await settle()
    assert house.running == ["1", "2"]
    await house.end("2")
    assert house.running == ["1", "3"]
    await house.end("1")
    assert house.running == ["3", "4"]
    await house.end("3")
    await house.end("4")
    house.begin("a", "5", "6", "7")
    await settle()
    assert house.running == ["5", "6"]
    await house.end("5")
    await house.end("6")
    await house.end("7")


async def test_a_crowd_of_few_does_not_wait_for_a_crowd_of_many():
    house = House(1)
    many = [f"a{number}" for number in range(10)]
    house.begin("a", *many)
    await settle()
    house.begin("b", "b")
    await settle()
    await house.end("a0")
    assert house.running == ["a1"]
    await house.end("a1")
    assert house.running == ["b"]
    for name in ("b", *many):
        await house.end(name)


async def test_whoever_is_cancelled_gives_its_turn_away():
    house = House(1)
    house.begin("a", "1", "2", "3")
    await settle()
    house.tasks["2"].cancel()
    await settle()
    await house.end("1")
    assert house.running == ["3"]
    await house.end("3")


async def test_a_turn_that_comes_with_a_cancellation_is_not_lost():
    turns = Turns(1)

    async def hold():
        async with turns.of("a"):
            await asyncio.Event().wait()

    first, second = asyncio.create_task(hold()), asyncio.create_task(hold())
    await settle()
    first.cancel()
    await asyncio.sleep(0)  # the turn is handed to the second, which has not run since
    second.cancel()
    with suppress(asyncio.CancelledError):
        await second
    async with asyncio.timeout(5), turns.of("a"):
        pass


async def test_a_wait_can_be_ended_without_a_turn():
    turns = Turns(1)
    async with turns.of("a"):
        waiting = turns.of("a")
        entered = asyncio.create_task(waiting.__aenter__())
        await settle()
        assert waiting.begins(is_own=False)
        await entered
        await waiting.__aexit__(None, None, None)
        assert not waiting.begins(is_own=False)
        other = asyncio.create_task(turns.of("a").__aenter__())
        await settle()
        assert not other.done()
    await asyncio.wait_for(other, 5)
