"""Which pulls wait for each other."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from resources.registry.request import Problem
from sidecar.node.pull_limiter import PullLimiter
from tests.fake_clock import FakeClock

BUSY = Problem("429", transient=True, retry_after=30.0)
HANGS = Problem("no answer", transient=True, hangs=True)


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
    limiter.heard("busy", BUSY)
    await clock.advance(10.0)
    assert await wait("busy") == 20.0
    assert await wait("other") == 0.0
    await clock.advance(20.0)
    assert await wait("busy") == 0.0


async def test_a_later_answer_ends_what_a_registry_asked_for(limiter):
    limiter.heard("busy", BUSY)
    limiter.heard("busy", None)
    async with limiter.turn("busy") as seconds:
        assert seconds == 0.0


async def test_registries_that_hang_leave_their_places_to_others(limiter):
    for registry in ("1", "2", "3"):
        limiter.heard(registry, HANGS)
    async with limiter.turn("1"):
        assert not await is_free(limiter, "2")
        async with limiter.turn("4"):
            assert await is_free(limiter, "5")
    assert await is_free(limiter, "2")


async def test_a_registry_that_answers_again_has_a_place_as_before(limiter):
    limiter.heard("1", HANGS)
    limiter.heard("2", HANGS)
    limiter.heard("2", None)
    async with limiter.turn("1"):
        assert await is_free(limiter, "2")


async def test_a_pull_that_takes_long_leaves_its_place_to_others_if_there_is_another(
    limiter, clock
):
    async with limiter.turn("1"), limiter.turn("2"):
        assert not await is_free(limiter, "3")
        await clock.advance(10.0)
        async with limiter.turn("3"):
            await clock.advance(20.0)
            assert not await is_free(limiter, "4")
    for registry in ("1", "2", "3", "4"):
        assert await is_free(limiter, registry)
    limiter.heard("5", HANGS)
    async with limiter.turn("1"), limiter.turn("2"):
        assert await is_free(limiter, "5")
        assert not await is_free(limiter, "3")
