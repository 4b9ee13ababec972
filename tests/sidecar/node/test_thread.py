"""Blocking steps in a thread, and callers that are cancelled meanwhile."""

import asyncio
import threading

import pytest

from sidecar.node.thread import in_thread


async def test_the_result_and_the_error_of_a_step_are_the_callers():
    assert await in_thread(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await in_thread(divmod, 7, 0)


@pytest.mark.parametrize("error", [None, OSError("full")])
async def test_a_caller_that_is_cancelled_ends_after_its_step(error):
    begun, gate, ended = threading.Event(), threading.Event(), []

    def step():
        begun.set()
        gate.wait()
        ended.append(True)
        if error is not None:
            raise error

    caller = asyncio.ensure_future(in_thread(step))
    await asyncio.to_thread(begun.wait)
    for _ in range(2):
        caller.cancel()
        await asyncio.sleep(0)
    assert not caller.done()
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert ended
