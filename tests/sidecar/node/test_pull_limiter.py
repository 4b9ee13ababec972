"""Which pulls wait for each other."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from sidecar.node.pull_limiter import PullLimiter
from tests.fake_clock import FakeClock


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def limiter(clock):
    return PullLimiter(clock)


async def is_free(limiter, registry):
    """Whether a new caller has its turn at once."""

    async def take():
        async with limiter.turn(registry):
            pass

    taken = asyncio.create_task(take())
    for _ in range(5):
        await asyncio.sleep(0)
    free = taken.done()
    taken.cancel()
    await asyncio.gather(taken, return_exceptions=True)
    return free


async def test_a_pull_waits_for_its_own_registry_only(limiter):
    async with limiter.turn("slow"):
        assert not await is_free(limiter, "slow")
        assert await is_free(limiter, "other")
    assert await is_free(limiter, "slow")


async def test_there_are_few_turns_in_all_and_a_pull_that_waits_for_its_registry_takes_none(
    limiter,
):
    async with AsyncExitStack() as taken:
        await taken.enter_async_context(limiter.turn("1"))
        waiting = [asyncio.create_task(limiter.turn("1").__aenter__()) for _ in range(5)]
        assert await is_free(limiter, "2")
        await taken.enter_async_context(limiter.turn("2"))
        assert not await is_free(limiter, "3")
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    assert await is_free(limiter, "3")


async def test_a_registry_gets_no_pull_for_as_long_as_it_asks(limiter, clock):
    async def wait(registry):
        async with limiter.turn(registry) as seconds:
            return seconds

    assert await wait("busy") == 0.0
    limiter.hold_off("busy", 30.0)
    await clock.advance(10.0)
    assert await wait("busy") == 20.0
    assert await wait("other") == 0.0
    await clock.advance(20.0)
    assert await wait("busy") == 0.0


async def test_a_later_answer_ends_what_a_registry_asked_for(limiter):
    limiter.hold_off("busy", 30.0)
    limiter.hold_off("busy", None)
    async with limiter.turn("busy") as seconds:
        assert seconds == 0.0
