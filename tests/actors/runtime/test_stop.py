"""Stopping and killing, whatever the actor is at."""

import asyncio

import pykka
import pytest

from actors.runtime.lifecycle import ExitReason
from actors.runtime.results import RequeueAfter
from tests.actor_examples import BugError, Probe, actor_of, exits_of, fake_runtime, reconcile
from tests.fake_clock import settle


class Stubborn(Probe):
    """Does not end by itself: waits in the hooks that it is given."""

    def __init__(self, runtime, log, waits):
        super().__init__(runtime, log)
        self.waits = waits
        self.gate = asyncio.Event()

    async def on_start(self):
        await super().on_start()
        await self._wait("on_start")

    async def on_receive(self, message):
        self.log.append(message)
        await self._wait("on_receive")

    async def on_stop(self):
        self.log.append("stop")
        await self._wait("on_stop")

    async def _wait(self, hook):
        if hook in self.waits:
            try:
                await self.gate.wait()
            finally:
                self.log.append(f"out of {hook}")


async def test_an_idle_actor_stops_through_on_stop():
    log: list = []
    runtime, _, observer = fake_runtime()
    ref = Probe.start(runtime, log)
    exits = exits_of(ref)
    await settle()
    assert await ref.stop() is True
    assert log == ["start", "stop"]
    assert [end.reason for end in exits] == [ExitReason.SHUTDOWN]
    assert observer.events[-1] == ("exited", "Probe", "shutdown")


async def test_a_stop_overtakes_all_waiting_mail():
    log: list = []
    ref = Probe.start(fake_runtime()[0], log)
    ref.tell("first")
    ref.tell(reconcile("spec"))
    await ref.stop()
    assert log == ["start", "stop"]


async def test_an_actor_may_stop_itself():
    class Quitting(Probe):
        async def on_receive(self, message):
            self.log.append(message)
            self.stop()

    log: list = []
    ref = Quitting.start(fake_runtime()[0], log)
    ref.tell("quit")
    ref.tell("never seen")
    await settle()
    assert log == ["start", "quit", "stop"]


async def test_a_stop_while_busy_waits_for_the_running_handler():
    log: list = []
    ref = Stubborn.start(fake_runtime()[0], log, {"on_receive"})
    ref.tell("work")
    await settle()
    stopping = ref.stop()
    await settle()
    assert not stopping.done()
    assert log == ["start", "work"]
    actor_of(ref).gate.set()
    assert await stopping is True
    assert log == ["start", "work", "out of on_receive", "stop"]


async def test_a_stop_while_starting_waits_for_on_start_and_handles_nothing_more():
    log: list = []
    ref = Stubborn.start(fake_runtime()[0], log, {"on_start"})
    ref.tell("work")
    await settle()
    stopping = ref.stop()
    actor_of(ref).gate.set()
    await stopping
    assert log == ["start", "out of on_start", "stop"]


@pytest.mark.parametrize("hook", ["on_start", "on_receive", "on_stop"])
async def test_a_kill_cancels_whatever_hook_is_running_and_runs_no_other(hook):
    log: list = []
    ref = Stubborn.start(fake_runtime()[0], log, {hook})
    exits = exits_of(ref)
    ref.tell("work")
    await settle()
    stopping = ref.stop()
    await settle()
    ref.kill()
    await settle()
    assert log[-1] == f"out of {hook}"
    assert [end.reason for end in exits] == [ExitReason.SHUTDOWN]
    assert stopping.done()


async def test_a_kill_before_the_first_step_is_reported_and_runs_nothing():
    log: list = []
    ref = Probe.start(fake_runtime()[0], log)
    exits = exits_of(ref)
    ref.kill()
    await settle()
    assert log == []
    assert [end.reason for end in exits] == [ExitReason.SHUTDOWN]


async def test_a_kill_of_an_idle_actor_runs_no_hook():
    log: list = []
    ref = Probe.start(fake_runtime()[0], log)
    exits = exits_of(ref)
    await settle()
    ref.kill()
    ref.kill()
    await settle()
    ref.kill()
    assert log == ["start"]
    assert [end.reason for end in exits] == [ExitReason.SHUTDOWN]


async def test_a_handler_that_swallows_its_cancelling_is_the_last_one():
    class Deaf(Probe):
        async def on_receive(self, message):
            self.log.append(message)
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.log.append("deaf")

    log: list = []
    ref = Deaf.start(fake_runtime()[0], log)
    exits = exits_of(ref)
    ref.tell("one")
    ref.tell("two")
    await settle()
    ref.kill()
    await settle()
    assert log == ["start", "one", "deaf"]
    assert [end.reason for end in exits] == [ExitReason.SHUTDOWN]


async def test_the_asker_of_a_killed_handler_learns_that_the_actor_is_dead():
    runtime, _, observer = fake_runtime()
    ref = Probe.start(runtime, [])
    asking = ref.ask(asyncio.Event())
    await settle()
    ref.kill()
    with pytest.raises(pykka.ActorDeadError):
        await asking
    assert observer.handled == [("Probe", "cancelled")]


async def test_a_failing_on_stop_is_logged_and_the_actor_is_gone(caplog):
    class Clumsy(Probe):
        async def on_stop(self):
            raise BugError("in the hook")

    ref = Clumsy.start(fake_runtime()[0], [])
    exits = exits_of(ref)
    assert await ref.stop() is True
    assert [end.reason for end in exits] == [ExitReason.SHUTDOWN]
    assert "failed in its end" in caplog.text


async def test_a_stopped_actor_leaves_no_timer_behind():
    runtime, clock, _ = fake_runtime()
    ref = Probe.start(runtime, [], [RequeueAfter(5, "a test")])
    ref.tell(reconcile("spec"))
    await settle()
    assert clock.armed == [5]
    await ref.stop()
    assert clock.armed == []


def test_a_loop_that_is_torn_down_ends_busy_actors_without_noise():
    log: list = []

    async def main():
        ref = Stubborn.start(fake_runtime()[0], log, {"on_receive"})
        ref.tell("work")
        await settle()
        return exits_of(ref)

    exits = asyncio.run(main())
    assert [end.reason for end in exits] == [ExitReason.SHUTDOWN]


@pytest.mark.parametrize("error", [BugError("bug"), asyncio.CancelledError("of somebody else")])
async def test_a_release_that_fails_skips_neither_on_stop_nor_the_log(caplog, error):
    class Unreleased(Probe):
        async def _release(self):
            raise error

    log: list = []
    ref = Unreleased.start(fake_runtime()[0], log)
    exits = exits_of(ref)
    await settle()
    await ref.stop()
    assert log == ["start", "stop"]
    assert [end.reason for end in exits] == [ExitReason.SHUTDOWN]
    assert str(error) in caplog.text


async def test_a_killed_actor_whose_release_fails_is_logged(caplog):
    class Unreleased(Stubborn):
        async def _release(self):
            raise BugError("in its release")

    log: list = []
    ref = Unreleased.start(fake_runtime()[0], log, ["on_receive"])
    exits = exits_of(ref)
    ref.tell("wait")
    await settle()
    ref.kill()
    await settle()
    assert [end.reason for end in exits] == [ExitReason.SHUTDOWN]
    assert "stop" not in log
    assert "in its release" in caplog.text
