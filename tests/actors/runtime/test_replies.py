"""A worker process with many replies: each is there when it is made, and the process ends."""

from contextlib import aclosing

import psutil
import pytest

from actors.runtime.child_process import MEGABYTE, WorkerFailed, replies_of
from tests.actors.runtime.obedient_worker import Done, Order

MODULE = "tests.actors.runtime.repeating_worker"


def asked(text, size=0, seconds=60.0):
    order = Order("", text, size)
    return aclosing(replies_of(MODULE, order, Done, memory=96 * MEGABYTE, seconds=seconds))


async def words(text, **limits):
    async with asked(text, **limits) as replies:
        return [reply.text async for reply in replies]


async def collect(got, text, **limits):
    async with asked(text, **limits) as replies:
        async for reply in replies:
            got.append(reply.text)


async def test_every_reply_comes_back_in_order():
    assert await words("a Grüße c") == ["a", "Grüße", "c"]
    assert await words("") == []


async def test_a_reply_is_there_before_the_next_one_is_made():
    before = psutil.Process().children()
    async with asked("a hang b") as replies:
        assert (await anext(replies)).text == "a"
        assert psutil.Process().children() != before
    assert psutil.Process().children() == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a crash", "failed: ValueError at repeating_worker.py:"),
        ("a exit", "failed with exit code 3"),
        ("a hang", "took longer than 3 s"),
        ("a large", "gave an answer that cannot be read"),
    ],
)
async def test_a_failure_comes_after_the_replies(text, message):
    got: list[str] = []
    with pytest.raises(WorkerFailed) as error:
        await collect(got, text, size=2 * MEGABYTE, seconds=3.0)
    assert got == ["a"]
    assert message in str(error.value)
    assert "secret" not in str(error.value)


async def test_a_large_request_is_taken():
    assert len(await words("a " * 1000)) == 1000


async def test_a_worker_that_cannot_start_is_a_failure():
    worker = "tests.actors.no_such_worker"
    replies = replies_of(worker, Order(""), Done, memory=96 * MEGABYTE, seconds=60.0)
    with pytest.raises(WorkerFailed, match="failed with exit code 1"):
        await anext(replies)
