"""The clock that is real, and the waiting that is built on any."""

import asyncio
from datetime import UTC

from actors.runtime.clock import SystemClock, within
from tests.fake_clock import FakeClock, settle


async def test_the_system_clock_calls_back_on_the_loop_unless_cancelled():
    clock, called = SystemClock(), asyncio.Event()
    clock.call_later(0, called.set)
    clock.call_later(0, called.clear).cancel()
    await called.wait()
    before = clock.monotonic()
    await clock.sleep(0)
    assert clock.monotonic() >= before
    assert clock.now().tzinfo is UTC
    assert called.is_set()


async def test_waiting_within_a_deadline_ends_with_the_future():
    clock, future = FakeClock(), asyncio.get_running_loop().create_future()
    waiting = asyncio.ensure_future(within(clock, 5, future))
    await clock.advance(4)
    future.set_result(None)
    assert await waiting is True
    assert clock.armed == []


async def test_waiting_within_a_deadline_ends_with_the_deadline_and_leaves_the_future_alone():
    clock, future = FakeClock(), asyncio.get_running_loop().create_future()
    waiting = asyncio.ensure_future(within(clock, 5, future))
    await clock.advance(5)
    assert await waiting is False
    assert not future.done()


async def test_the_fake_clock_wakes_sleepers_in_their_order():
    clock, woken = FakeClock(), []

    async def sleeper(seconds):
        await clock.sleep(seconds)
        woken.append((seconds, clock.monotonic()))

    sleepers = [asyncio.ensure_future(sleeper(seconds)) for seconds in (3, 1, 2)]
    await settle()
    await clock.advance(2)
    assert woken == [(1, 1), (2, 2)]
    await clock.advance(2)
    assert woken[-1] == (3, 3)
    await asyncio.gather(*sleepers)
