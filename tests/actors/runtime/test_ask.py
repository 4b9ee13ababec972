"""Asking and telling, on the loop and from other threads."""

import asyncio
import threading

import pykka
import pytest

from actors.runtime.lifecycle import ExitReason
from actors.runtime.mail import Reconcile
from actors.runtime.results import Done
from tests.actor_examples import BugError, Probe, exits_of, fake_runtime
from tests.fake_clock import settle


async def test_an_ask_is_answered_with_what_the_handler_returns():
    ref = Probe.start(fake_runtime()[0], [])
    assert await ref.ask("echo") == "echo"


async def test_what_an_asked_handler_raises_goes_to_the_asker_and_the_actor_lives():
    runtime, _, observer = fake_runtime()
    ref = Probe.start(runtime, [])
    exits = exits_of(ref)
    with pytest.raises(BugError):
        await ref.ask(BugError("for the asker"))
    assert await ref.ask("alive") == "alive"
    assert exits == []
    assert observer.handled == [("Probe", "error"), ("Probe", "ok")]


async def test_an_asked_reconcile_is_answered_with_its_result_and_is_a_run_of_its_own():
    log: list = []
    ref = Probe.start(fake_runtime()[0], log)
    ref.tell(Reconcile("spec"))
    assert await ref.ask(Reconcile("manual")) == Done()
    await settle()
    assert log == ["start", {"manual"}, {"spec"}]


async def test_an_asked_reconcile_that_raises_fails_the_asker_and_is_a_crash():
    ref = Probe.start(fake_runtime()[0], [], [BugError("bug")])
    exits = exits_of(ref)
    with pytest.raises(BugError):
        await ref.ask(Reconcile("manual"))
    await settle()
    assert [end.reason for end in exits] == [ExitReason.CRASH]


async def test_the_dead_can_be_neither_told_nor_asked():
    ref = Probe.start(fake_runtime()[0], [])
    assert await ref.stop() is True
    with pytest.raises(pykka.ActorDeadError):
        ref.tell("anyone?")
    with pytest.raises(pykka.ActorDeadError):
        await ref.ask("anyone?")
    assert await ref.stop() is False


async def test_asks_that_an_actor_does_not_get_to_fail_when_it_ends():
    ref = Probe.start(fake_runtime()[0], [])
    exits_of(ref)
    ref.tell(BugError("bug"))
    with pytest.raises(pykka.ActorDeadError):
        await ref.ask("behind the bug")


async def test_an_ask_that_was_cancelled_is_handled_and_its_answer_dropped():
    log: list = []
    ref = Probe.start(fake_runtime()[0], log)
    asking = asyncio.ensure_future(ref.ask("question"))
    asking.cancel()
    await settle()
    assert asking.cancelled()
    assert log == ["start", "question"]
    assert await ref.ask("next") == "next"


async def test_tells_of_a_thread_arrive_on_the_loop_in_order():
    log: list = []
    ref = Probe.start(fake_runtime()[0], log)

    def tell() -> None:
        for number in range(100):
            ref.tell(number)

    await asyncio.to_thread(tell)
    await settle()
    assert log == ["start", *range(100)]


async def test_a_thread_gets_its_answer_by_blocking_itself_only():
    ref = Probe.start(fake_runtime()[0], [])
    assert await asyncio.to_thread(lambda: ref.ask("echo").get(timeout=10)) == "echo"
    with pytest.raises(BugError):
        await asyncio.to_thread(lambda: ref.ask(BugError("bug")).get(timeout=10))
    assert await asyncio.to_thread(lambda: ref.stop().get(timeout=10)) is True


async def test_a_loop_in_another_thread_can_await_the_answer():
    ref = Probe.start(fake_runtime()[0], [])

    async def ask() -> str:
        answer: str = await ref.ask("from afar")
        return answer

    assert await asyncio.to_thread(lambda: asyncio.run(ask())) == "from afar"


async def test_threads_that_ask_while_the_actor_stops_all_get_an_end():
    ref = Probe.start(fake_runtime()[0], [])
    outcomes: list[str] = []

    def ask() -> None:
        for _ in range(200):
            try:
                outcomes.append(ref.ask("echo").get(timeout=10))
            except pykka.ActorDeadError:
                outcomes.append("dead")
                return

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    await ref.stop()
    for thread in threads:
        await asyncio.to_thread(thread.join, 10)
    assert set(outcomes) <= {"echo", "dead"}
    assert outcomes.count("dead") == 4


def test_a_ref_whose_loop_is_closed_refuses():
    async def start():
        return Probe.start(fake_runtime()[0], [])

    ref = asyncio.run(start())
    with pytest.raises(pykka.ActorDeadError):
        ref.ask("anyone?").get(timeout=10)


async def test_there_are_no_proxies():
    ref = Probe.start(fake_runtime()[0], [])
    with pytest.raises(NotImplementedError):
        ref.proxy()
    await settle()
