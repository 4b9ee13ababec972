"""Which pulls wait for each other."""

import asyncio
import random
from contextlib import AsyncExitStack

import pytest
from msgspec.structs import replace

from actors.runtime.context import Runtime
from resources.registry.request import Endpoint, Hold, Problem
from sidecar.node.pull_limiter import PullLimiter
from tests.fake_clock import FakeClock

BUSY = Problem("429", transient=True, retry_after=30.0)
MIRROR, UPSTREAM = Endpoint("mirror", "a"), Endpoint("ghcr.io", "a")
HANGS = Problem("no answer", transient=True, hangs=True)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def limiter(clock):
    return PullLimiter(Runtime(clock, random.Random(1)), lambda: 60.0)


class Fleet:
    """Nodes that all have to pull the same; `began` has the time when each of them began."""

    def __init__(self, clock, size, *, counted, most=60.0):
        self.began = []
        self._clock = clock
        limiters = [
            PullLimiter(Runtime(clock, random.Random(seed)), lambda: most) for seed in range(size)
        ]
        self.tasks = [asyncio.create_task(self._pull(limiter, counted)) for limiter in limiters]

    async def _pull(self, limiter, counted):
        await limiter.spread(counted)
        self.began.append(self._clock.monotonic())


async def test_many_nodes_begin_at_times_of_their_own(clock):
    begun = clock.monotonic()
    fleet = Fleet(clock, 200, counted=lambda: 1001)
    await clock.advance(20.0)
    await asyncio.gather(*fleet.tasks)
    waits = sorted(began - begun for began in fleet.began)
    for tenth in range(10):
        assert 5 <= sum(2.0 * tenth <= wait < 2.0 * (tenth + 1) for wait in waits) <= 40


@pytest.mark.parametrize(("pods", "most"), [(1, 60.0), (0, 60.0), (5000, 0.0)])
async def test_a_node_alone_and_one_without_a_window_wait_for_nothing(clock, pods, most):
    fleet = Fleet(clock, 1, counted=lambda: pods, most=most)
    await asyncio.gather(*fleet.tasks)


async def test_what_has_not_been_counted_is_waited_for_shortly(clock):
    counts: list[int | None] = [None]
    begun = clock.monotonic()
    fleet = Fleet(clock, 1, counted=lambda: counts[0])
    await clock.advance(0.3)
    assert not fleet.began
    counts[0] = 1
    await clock.advance(0.1)
    assert fleet.began
    counts[0] = None
    fleet = Fleet(clock, 1, counted=lambda: None)
    await clock.advance(1.2)
    assert fleet.began
    assert fleet.began[0] - begun < 1.7


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
    one, other = Endpoint("ghcr.io", "one"), Endpoint("GHCR.io", "other")
    assert limiter.wait(one) == 0.0
    limiter.heard("one", BUSY, [Hold(one.url, 30.0)])
    await clock.advance(10.0)
    assert (limiter.wait(one), limiter.wait(other)) == (20.0, 20.0)
    assert limiter.wait(replace(one, plain_http=True)) == 0.0
    limiter.heard("other", None, ())
    assert limiter.wait(other) == 20.0
    await clock.advance(20.0)
    assert limiter.wait(one) == 0.0


def test_a_mirror_that_wants_no_requests_is_left_out_by_every_way_through_it(limiter):
    limiter.heard("one", None, [Hold(MIRROR.url, 30.0)])
    behind = replace(UPSTREAM, mirrors=(MIRROR,))
    assert limiter.wait(behind) == 0.0
    assert [bool(place.unusable) for place in limiter.rested(behind).places] == [True, False]
    assert limiter.wait(replace(behind, skip_fallback=True)) == 30.0
    limiter.heard("one", BUSY, [Hold(UPSTREAM.url, 10.0)])
    assert limiter.wait(behind) == 10.0
    limiter.release()
    assert limiter.wait(behind) == 0.0


async def test_registries_that_hang_leave_their_places_to_others(limiter):
    for registry in ("1", "2", "3"):
        limiter.heard(registry, HANGS, ())
    async with limiter.turn("1"):
        assert not await is_free(limiter, "2")
        async with limiter.turn("4"):
            assert await is_free(limiter, "5")
    assert await is_free(limiter, "2")


async def test_a_registry_that_answers_again_has_a_place_as_before(limiter):
    limiter.heard("1", HANGS, ())
    limiter.heard("2", HANGS, ())
    limiter.heard("2", None, ())
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
    limiter.heard("5", HANGS, ())
    async with limiter.turn("1"), limiter.turn("2"):
        assert await is_free(limiter, "5")
        assert not await is_free(limiter, "3")
