"""Telling and asking, by the names that pykka gives them."""

import asyncio

import pykka
import pytest

from actors.runtime.ref import ASK_TIMEOUT
from tests.actor_examples import BugError, Probe, actor_of, exits_of, fake_runtime, reconcile
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


async def test_a_reconcile_cannot_be_asked_as_it_has_no_answer_of_its_own():
    ref = Probe.start(fake_runtime()[0], [])
    with pytest.raises(TypeError, match="told"):
        await ref.ask(reconcile("manual"))
    await settle()


async def test_an_asker_gets_a_timeout_error_and_the_late_answer_is_dropped():
    log: list = []
    runtime, clock, _ = fake_runtime()
    ref = Probe.start(runtime, log)
    gate = asyncio.Event()
    asking = ref.ask(gate, timeout=3)
    await clock.advance(2.9)
    assert not asking.done()
    await clock.advance(0.1)
    with pytest.raises(TimeoutError, match=r"Probe .* gave no answer in 3 s"):
        await asking
    gate.set()
    assert await ref.ask("next") == "next"
    assert log == ["start", gate, "next"]


async def test_an_asker_that_says_nothing_waits_for_the_default_timeout():
    runtime, clock, _ = fake_runtime()
    ref = Probe.start(runtime, [])
    asking = ref.ask(asyncio.Event())
    await clock.advance(ASK_TIMEOUT)
    with pytest.raises(TimeoutError):
        await asking
    ref.kill()
    await settle()


async def test_a_question_that_expired_in_the_mail_is_still_handled():
    log: list = []
    runtime, clock, _ = fake_runtime()
    ref = Probe.start(runtime, log)
    gate = asyncio.Event()
    ref.tell(gate)
    asking = ref.ask("question", timeout=1)
    await clock.advance(1)
    with pytest.raises(TimeoutError):
        await asking
    gate.set()
    await settle()
    assert log == ["start", gate, "question"]


async def test_an_answered_ask_leaves_no_timer_behind():
    runtime, clock, _ = fake_runtime()
    ref = Probe.start(runtime, [])
    assert await ref.ask("echo", timeout=3) == "echo"
    assert clock.armed == []


async def test_a_timeout_error_of_the_handler_is_not_taken_for_the_asker_s_own():
    ref = Probe.start(fake_runtime()[0], [])
    with pytest.raises(TimeoutError, match="of the actor"):
        await ref.ask(TimeoutError("of the actor"))


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


async def test_what_is_told_arrives_in_order():
    log: list = []
    ref = Probe.start(fake_runtime()[0], log)
    for number in range(100):
        ref.tell(number)
    await settle()
    assert log == ["start", *range(100)]


async def test_askers_get_an_end_while_the_actor_stops():
    ref = Probe.start(fake_runtime()[0], [])
    asks = [ref.ask("echo")]
    stopping = ref.stop()
    asks += [ref.ask("echo") for _ in range(4)]
    outcomes = await asyncio.gather(*asks, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} <= {str, pykka.ActorDeadError}
    assert await stopping is True


async def test_actors_and_refs_are_pykka_s_own_by_type_and_name():
    ref = Probe.start(fake_runtime()[0], [])
    assert isinstance(ref, pykka.ActorRef)
    assert isinstance(actor_of(ref), pykka.Actor)
    assert ref.is_alive()
    assert str(ref) == str(actor_of(ref)) == f"Probe ({ref.actor_urn})"
    assert ref.actor_class is Probe
    assert await ref.stop() is True
    assert not ref.is_alive()


async def test_there_are_no_proxies():
    ref = Probe.start(fake_runtime()[0], [])
    with pytest.raises(NotImplementedError):
        ref.proxy()
    await settle()
