"""What follows from the result of a reconcile: the timer, and retiring."""

import asyncio

import pytest

from actors.runtime.lifecycle import ExitReason
from actors.runtime.results import Blocked, Done, RequeueAfter, Retire
from tests.actor_examples import Probe, exits_of, fake_runtime, reconcile, words_of
from tests.fake_clock import settle


async def test_requeue_after_makes_a_reconcile_for_the_reason_timer_when_it_is_due():
    log: list = []
    runtime, clock, _ = fake_runtime()
    ref = Probe.start(runtime, log, [RequeueAfter(5, "a test")])
    ref.tell(reconcile("spec"))
    await clock.advance(4.9)
    assert log == ["start", {"spec"}]
    await clock.advance(0.1)
    assert log == ["start", {"spec"}, {"timer"}]


async def test_an_earlier_run_replaces_the_timer():
    log: list = []
    runtime, clock, _ = fake_runtime()
    ref = Probe.start(runtime, log, [RequeueAfter(5, "a test"), RequeueAfter(10, "a test")])
    ref.tell(reconcile("spec"))
    await clock.advance(3)
    ref.tell(reconcile("child"))
    await settle()
    assert clock.armed == [13]
    await clock.advance(9)
    assert log == ["start", {"spec"}, {"child"}]
    await clock.advance(1)
    assert log[-1] == {"timer"}


@pytest.mark.parametrize("result", [Done(), Blocked("Why")])
async def test_a_run_that_does_not_ask_for_another_cancels_the_timer(result):
    runtime, clock, _ = fake_runtime()
    ref = Probe.start(runtime, [], [RequeueAfter(5, "a test"), result])
    ref.tell(reconcile("spec"))
    await settle()
    ref.tell(reconcile("child"))
    await settle()
    assert clock.armed == []


async def test_other_messages_leave_the_timer_alone():
    runtime, clock, _ = fake_runtime()
    ref = Probe.start(runtime, [], [RequeueAfter(5, "a test")])
    ref.tell(reconcile("spec"))
    await settle()
    await ref.ask("hello")
    assert clock.armed == [5]
    assert ref.describe()["timer"] == "a test"


async def test_retiring_without_mail_is_a_normal_exit_through_on_stop():
    log: list = []
    ref = Probe.start(fake_runtime()[0], log, [Retire()])
    exits = exits_of(ref)
    ref.tell(reconcile("deleted"))
    await settle()
    assert log == ["start", {"deleted"}, "stop"]
    assert [end.reason for end in exits] == [ExitReason.NORMAL]


@pytest.mark.parametrize("late", ["a message", reconcile("spec")])
async def test_mail_that_came_in_the_meantime_is_served_and_retiring_is_decided_anew(late):
    log: list = []
    gate = asyncio.Event()

    class Retiring(Probe):
        async def on_reconcile(self, reasons):
            self.log.append(words_of(reasons))
            await gate.wait()
            return Retire() if self.results.pop(0) else Done()

    ref = Retiring.start(fake_runtime()[0], log, [True, False])
    exits = exits_of(ref)
    ref.tell(reconcile("deleted"))
    await settle()
    ref.tell(late)
    gate.set()
    await settle()
    assert exits == []
    assert "retiring" in log[-1]
    assert ref.is_alive()
