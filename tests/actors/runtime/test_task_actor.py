"""Actors whose life is one coroutine."""

import asyncio
from contextlib import suppress

import pytest

from actors.runtime.lifecycle import ExitReason
from actors.runtime.task_actor import TaskActor
from tests.actor_examples import BugError, actor_of, exits_of, fake_runtime
from tests.fake_clock import settle


class Runner(TaskActor):
    """Waits for its gate, then returns or raises what it is given."""

    def __init__(self, runtime, log, error=None):
        super().__init__(runtime)
        self.log = log
        self.error = error
        self.gate = asyncio.Event()

    async def on_start(self):
        self.log.append("start")

    async def run(self):
        self.log.append("run")
        try:
            await self.gate.wait()
        finally:
            for _ in range(5):
                await asyncio.sleep(0)
            self.log.append("run is over")
        if self.error is not None:
            raise self.error

    async def on_receive(self, message):
        self.log.append(message)
        if isinstance(message, Exception):
            raise message
        return message

    async def on_failure(self, *_):
        self.log.append("failure")

    async def on_stop(self):
        self.log.append("stop")


async def test_run_begins_after_on_start_and_mail_is_served_beside_it():
    log: list = []
    ref = Runner.start(fake_runtime()[0], log)
    assert await ref.ask("hello") == "hello"
    await settle()
    assert sorted(log) == ["hello", "run", "start"]
    await ref.stop()


async def test_a_stop_cancels_run_and_awaits_it_before_on_stop():
    log: list = []
    ref = Runner.start(fake_runtime()[0], log)
    exits = exits_of(ref)
    await settle()
    await ref.stop()
    assert log == ["start", "run", "run is over", "stop"]
    assert [end.reason for end in exits] == [ExitReason.SHUTDOWN]


@pytest.mark.parametrize(
    ("error", "reason", "hook"),
    [(None, ExitReason.NORMAL, "stop"), (BugError("bug"), ExitReason.CRASH, "failure")],
)
async def test_the_end_of_run_is_the_end_of_the_actor(error, reason, hook):
    log: list = []
    ref = Runner.start(fake_runtime()[0], log, error)
    exits = exits_of(ref)
    await settle()
    actor_of(ref).gate.set()
    await settle()
    assert [(end.reason, end.error) for end in exits] == [(reason, error)]
    assert log[-1] == hook


async def test_a_crash_in_a_handler_takes_run_with_it():
    log: list = []
    ref = Runner.start(fake_runtime()[0], log)
    exits = exits_of(ref)
    await settle()
    ref.tell(BugError("bug"))
    await settle()
    assert [end.reason for end in exits] == [ExitReason.CRASH]
    assert log[-2:] == ["run is over", "failure"]


async def test_a_run_that_was_cancelled_from_outside_is_a_crash():
    ref = Runner.start(fake_runtime()[0], [])
    exits = exits_of(ref)
    await settle()
    actor_of(ref)._life.cancel()
    await settle()
    assert [end.reason for end in exits] == [ExitReason.CRASH]


async def test_a_kill_ends_run_and_runs_no_hook():
    log: list = []
    ref = Runner.start(fake_runtime()[0], log)
    exits = exits_of(ref)
    await settle()
    ref.kill()
    await settle()
    assert log == ["start", "run", "run is over"]
    assert [end.reason for end in exits] == [ExitReason.SHUTDOWN]


async def test_a_stop_before_run_has_begun_never_begins_it():
    log: list = []
    ref = Runner.start(fake_runtime()[0], log)
    await ref.stop()
    assert "run" not in log


async def test_an_error_while_run_is_being_cancelled_is_logged(caplog):
    class Clumsy(Runner):
        async def run(self):
            try:
                await self.gate.wait()
            finally:
                raise BugError("while cleaning up")

    ref = Clumsy.start(fake_runtime()[0], [])
    exits = exits_of(ref)
    await settle()
    await ref.stop()
    assert [end.reason for end in exits] == [ExitReason.SHUTDOWN]
    assert "while cleaning up" in caplog.text


async def test_a_crash_of_run_that_a_stop_overtakes_is_logged(caplog):
    log: list = []
    ref = Runner.start(fake_runtime()[0], log, BugError("overtaken"))
    exits = exits_of(ref)
    await settle()
    actor_of(ref)._life.add_done_callback(lambda _: ref.stop())
    actor_of(ref).gate.set()
    await settle()
    assert [end.reason for end in exits] == [ExitReason.SHUTDOWN]
    assert log[-1] == "stop"
    [record] = caplog.records
    assert "crashed, but was stopped before" in record.message
    assert str(record.exc_info[1]) == "overtaken"


async def test_a_run_that_fails_when_it_is_cancelled_skips_no_on_stop(caplog):
    class Unwilling(Runner):
        async def run(self):
            try:
                await super().run()
            finally:
                raise BugError("in its release")

    log: list = []
    ref = Unwilling.start(fake_runtime()[0], log)
    await settle()
    await ref.stop()
    assert log[-1] == "stop"
    assert "failed in its end" in caplog.text
    assert "in its release" in caplog.text


async def test_a_run_that_unwinds_slowly_is_awaited_though_the_actor_is_killed_twice():
    runtime, clock, _ = fake_runtime()

    class Slow(TaskActor):
        async def run(self):
            try:
                await asyncio.Event().wait()
            finally:
                unwound = asyncio.ensure_future(clock.sleep(5))
                while not unwound.done():
                    with suppress(asyncio.CancelledError):
                        await asyncio.shield(unwound)

    ref = Slow.start(runtime)
    exits = exits_of(ref)
    await settle()
    ref.stop()
    await settle()
    ref.kill()
    await clock.advance(4)
    ref.kill()
    await settle()
    assert not exits
    await clock.advance(1)
    assert [end.reason for end in exits] == [ExitReason.SHUTDOWN]
