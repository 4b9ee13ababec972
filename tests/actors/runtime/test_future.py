"""The answer to an ask."""

import asyncio

import pykka
import pytest

from actors.runtime.future import Future


async def test_awaiting_a_future_leaves_the_loop_free():
    future: Future[int] = Future()
    asyncio.get_running_loop().call_soon(future.set, 7)
    assert await future == 7
    assert await future == 7


async def test_getting_an_unanswered_future_on_the_loop_is_refused():
    future: Future[int] = Future()
    with pytest.raises(RuntimeError, match="block the loop"):
        future.get()
    future.set(1)
    assert future.get() == 1


def test_getting_a_future_that_is_never_answered_times_out():
    with pytest.raises(pykka.Timeout):
        Future().get(timeout=0.001)


def test_a_second_answer_is_an_error():
    future: Future[int] = Future()
    future.set(1)
    with pytest.raises(RuntimeError):
        future.set(2)


def test_without_arguments_the_exception_being_handled_is_the_answer():
    future: Future[int] = Future()
    try:
        dict[str, int]()["x"]
    except KeyError:
        future.set_exception()
    assert future.done()
    with pytest.raises(KeyError):
        future.get()


def test_an_answered_timeout_error_is_not_taken_for_pykkas_timeout():
    future: Future[int] = Future()
    future.set_exception((TimeoutError, TimeoutError("of the actor"), None))
    with pytest.raises(TimeoutError, match="of the actor"):
        future.get(timeout=1)


def test_pykkas_blocking_composition_is_refused():
    with pytest.raises(NotImplementedError):
        Future().map(str)
