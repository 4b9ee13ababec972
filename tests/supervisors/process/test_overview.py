"""What the page says of the process."""

from __future__ import annotations

from datetime import timedelta

from supervisors.process.lookout import Lags
from supervisors.process.metrics import Metrics
from supervisors.process.overview import overview
from tests.actor_examples import fake_runtime


async def test_times_are_reckoned_by_the_clock_of_now_although_it_was_set(monkeypatch):
    runtime, clock, _ = fake_runtime()
    metrics = Metrics("0.1.0", clock.monotonic)
    process, _ = overview(runtime, metrics, Lags(), lambda: None, lambda: ())
    await clock.advance(60)
    metrics.api_request("get", "falcos", "500")
    await clock.advance(30)
    set_to = clock.now() - timedelta(hours=1)
    monkeypatch.setattr(clock, "now", lambda: set_to)
    told = process.read()
    assert isinstance(told, dict)
    assert told["up since"] == set_to - timedelta(seconds=90)
    assert told["last API error at"] == set_to - timedelta(seconds=30)
