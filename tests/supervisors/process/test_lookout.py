"""Who looks out for what hangs."""

import asyncio

import pytest

from actors.runtime.activity import Waiting
from actors.runtime.context import Runtime
from supervisors.process.lookout import HANGS, PERIOD, Lags, Lookout, show
from supervisors.process.metrics import Metrics
from tests.actor_examples import Probe, fake_runtime, reconcile
from tests.fake_clock import FakeClock, settle
from tests.supervisors.process.test_metrics import samples


class Hanging(Probe):
    """Waits for a request without end."""

    kind = "Hanging"

    async def on_reconcile(self, reasons):  # noqa: ARG002
        with Waiting("PATCH /apis/x"):
            await asyncio.Event().wait()


async def test_a_handler_that_hangs_is_warned_of_now_and_then_with_its_request(caplog):
    runtime, clock, _ = fake_runtime()
    lookout = Lookout.start(runtime, Lags())
    ref = Hanging.start(runtime, [])
    ref.tell(reconcile("spec"))
    await clock.advance(HANGS - 1)
    assert "hangs" not in caplog.text
    await clock.advance(8)
    assert caplog.text.count("Hanging hangs: Reconcile for") == 1
    assert "for PATCH /apis/x" in caplog.text
    await clock.advance(20)
    assert caplog.text.count("hangs") == 1
    await clock.advance(40)
    assert caplog.text.count("hangs") == 2
    for actor in (ref, lookout):
        actor.kill()
    await settle()


async def test_of_many_that_hang_some_are_named(caplog):
    runtime, clock, _ = fake_runtime()
    lookout = Lookout.start(runtime, Lags())
    refs = [Hanging.start(runtime, []) for _ in range(30)]
    for ref in refs:
        ref.tell(reconcile("spec"))
    await clock.advance(HANGS + 6)
    assert caplog.text.count("Hanging hangs") == 10
    assert "20 more handlers hang" in caplog.text
    lookout.kill()
    for ref in refs:
        ref.kill()
    await settle()


def test_the_lag_that_is_shown_is_the_longest_of_the_last_minute():
    lags = Lags()
    for now, lag in ((0, 0.5), (1, 0.1), (2, 0.2), (30, 0.05)):
        lags.note(now, lag)
    assert [lags.longest(now) for now in (30, 61, 63, 100)] == [0.5, 0.2, 0.05, 0.0]


async def test_a_loop_that_is_late_shows():
    class Late(FakeClock):
        async def sleep(self, seconds):
            await super().sleep(seconds + 0.4)

    clock, lags = Late(), Lags()
    fake, _, _ = fake_runtime()
    lookout = Lookout.start(Runtime(clock, fake.random), lags)
    await clock.advance(PERIOD + 0.5)
    assert lags.longest(clock.monotonic()) == pytest.approx(0.4)
    lookout.kill()
    await settle()


async def test_the_gauges_show_what_the_actors_are_at():
    clock = FakeClock()
    metrics = Metrics("1", clock.monotonic)
    fake, _, _ = fake_runtime()
    runtime = Runtime(clock, fake.random, metrics)
    show(metrics, runtime, lags := Lags())
    lags.note(0.0, 0.25)
    ref, idle = Hanging.start(runtime, []), Probe.start(runtime, [])
    ref.tell(reconcile("spec"))
    await clock.advance(3)
    ref.tell(reconcile("later"))
    await clock.advance(4)
    prefix = "falco_operator_"
    assert samples(metrics, prefix + "handlers_running") == {("Hanging",): 1, ("Probe",): 0}
    assert samples(metrics, prefix + "oldest_handler_seconds")["Hanging",] == 7.0
    assert samples(metrics, prefix + "oldest_mail_seconds")["Hanging",] == 4.0
    assert samples(metrics, prefix + "loop_lag_seconds") == {(): 0.25}
    for actor in (ref, idle):
        actor.kill()
    await settle()
