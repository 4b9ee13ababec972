"""What is told to Metrics is what Prometheus reads."""

from __future__ import annotations

import platform
import random
from typing import TYPE_CHECKING

import pytest
from prometheus_client import REGISTRY
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open
from prometheus_client.parser import text_string_to_metric_families as parse_text

from actors.runtime.context import Observer, Runtime
from actors.runtime.lifecycle import ExitReason
from resources.kubernetes.kinds import CHILD_KINDS
from supervisors.process.metrics import Metrics
from supervisors.tree.dynamic import Population
from tests.fake_clock import FakeClock

if TYPE_CHECKING:
    from actors.api.transport import ApiObserver
    from actors.watch.audience import WatchObserver


@pytest.fixture
def clock():
    """Time that stands still."""
    return FakeClock()


@pytest.fixture
def metrics(clock):
    """Metrics of a process that has done nothing yet."""
    return Metrics("1.2.3", clock.monotonic)


def test_one_object_observes_everything(metrics, clock):
    observers: tuple[Observer, ApiObserver, WatchObserver] = (metrics, metrics, metrics)
    assert Runtime(clock, random.Random(1), metrics).observer is observers[0]


def test_reconciles_are_counted_and_timed_by_kind_and_result(metrics):
    for run, outcome in ((0.02, "done"), (0.04, "done"), (70.0, "blocked")):
        metrics.mail_handled("Falco", 0.0, run, outcome)
    total = samples(metrics, "falco_operator_reconcile_total")
    assert total == {("Falco", "done"): 2, ("Falco", "blocked"): 1}
    name = "falco_operator_reconcile_duration_seconds"
    assert samples(metrics, f"{name}_sum")["Falco", "done"] == pytest.approx(0.06)
    buckets = samples(metrics, f"{name}_bucket")
    assert [buckets["Falco", le, "done"] for le in ("0.01", "0.025", "0.05", "+Inf")] == [
        0,
        1,
        2,
        2,
    ]
    assert [buckets["Falco", le, "blocked"] for le in ("60.0", "+Inf")] == [0, 1]


@pytest.mark.parametrize("outcome", ["done", "requeue", "blocked", "retire", "crash", "cancelled"])
def test_every_end_of_a_reconcile_is_a_result(metrics, outcome):
    metrics.mail_handled("Component", 0.0, 0.0, outcome)
    assert samples(metrics, "falco_operator_reconcile_total") == {("Component", outcome): 1}


@pytest.mark.parametrize(
    ("kind", "outcome"), [("Router", "ok"), ("Router", "crash"), ("Falco", "stop")]
)
def test_other_messages_are_no_reconciles_but_wait_as_well(metrics, kind, outcome):
    metrics.mail_handled(kind, 0.3, 0.1, outcome)
    assert samples(metrics, "falco_operator_reconcile_total") == {}
    assert samples(metrics, "falco_operator_mailbox_wait_seconds_count") == {(kind,): 1}
    assert samples(metrics, "falco_operator_mailbox_wait_seconds_sum") == {(kind,): 0.3}


def test_a_bound_belongs_to_its_bucket(metrics):
    metrics.mail_handled("Router", 0.001, 0.0, "ok")
    buckets = samples(metrics, "falco_operator_mailbox_wait_seconds_bucket")
    assert buckets["Router", "0.001"] == 1


def test_actors_are_counted_while_they_live_and_when_they_end(metrics):
    for _ in range(3):
        metrics.actor_started("Falco")
    metrics.actor_exited("Falco", ExitReason.CRASH)
    metrics.actor_exited("Falco", ExitReason.NORMAL)
    assert samples(metrics, "falco_operator_actors_alive") == {("Falco",): 1}
    exits = samples(metrics, "falco_operator_actor_exits_total")
    assert exits == {("Falco", "crash"): 1, ("Falco", "normal"): 1}


def test_restarts_and_parks_are_counted_from_zero(metrics):
    metrics.actor_started("Falco")
    names = ("falco_operator_actor_restarts_total", "falco_operator_actor_parks_total")
    assert [samples(metrics, name) for name in names] == [{("Falco",): 0}] * 2
    metrics.actor_restarted("Falco")
    metrics.actor_restarted("Falco")
    metrics.actor_parked("Falco")
    metrics.actor_unparked("Falco")
    assert [samples(metrics, name) for name in names] == [{("Falco",): 2}, {("Falco",): 1}]


def test_the_parked_and_the_waiting_mail_are_asked_for_at_each_reading(metrics):
    now = [Population("Falco", parked=1, mail=5)]
    metrics.ask_for(lambda: now)
    assert samples(metrics, "falco_operator_actors_parked") == {("Falco",): 1}
    now[0] = Population("Falco", parked=0, mail=7)
    assert samples(metrics, "falco_operator_actors_parked") == {("Falco",): 0}
    assert samples(metrics, "falco_operator_mailbox_depth") == {("Falco",): 7}


async def test_the_age_of_the_last_event_grows_until_the_next(metrics, clock):
    age = "falco_operator_watch_last_event_age_seconds"
    metrics.watch_opened("Falco")
    await clock.advance(20)
    assert samples(metrics, age) == {("Falco",): 20}
    metrics.watch_opened("Falco")
    assert samples(metrics, age) == {("Falco",): 20}, "a stream alone is no event"
    metrics.watch_heard("Falco")
    await clock.advance(5)
    assert samples(metrics, age) == {("Falco",): 5}
    assert samples(metrics, "falco_operator_watch_opens_total") == {("Falco",): 2}


def test_requests_are_counted_by_verb_resource_and_code(metrics):
    for code in ("200", "200", "error"):
        metrics.api_request("patch", "falcos/status", code)
    requests = samples(metrics, "falco_operator_api_requests_total")
    assert requests == {
        ("200", "falcos/status", "patch"): 2,
        ("error", "falcos/status", "patch"): 1,
    }


def test_corrections_of_drift_are_counted_from_zero_for_every_kind_of_child(metrics):
    metrics.drift_corrected("ConfigMap")
    corrections = samples(metrics, "falco_operator_drift_corrections_total")
    assert corrections == {(kind,): 0 for kind in CHILD_KINDS} | {("ConfigMap",): 1}


def test_build_and_process_are_described(metrics):
    info = samples(metrics, "falco_operator_build_info")
    assert info == {(platform.python_version(), "1.2.3"): 1}
    assert samples(metrics, "process_resident_memory_bytes")[()] > 1_000_000
    assert samples(metrics, "python_gc_collections_total")


def test_two_metrics_and_the_global_registry_know_nothing_of_each_other(metrics, clock):
    other = Metrics("1.2.3", clock.monotonic)
    metrics.actor_started("Falco")
    assert samples(other, "falco_operator_actors_alive") == {}
    assert not any(family.name.startswith("falco") for family in REGISTRY.collect())


def test_hostile_label_values_stay_values(metrics):
    metrics.api_request("get", 'a"} 1\nforged{x="', "200")
    assert samples(metrics, "falco_operator_api_requests_total") == {
        ("200", 'a"} 1\nforged{x="', "get"): 1
    }


@pytest.mark.parametrize(
    ("accept", "content_type", "parser"),
    [
        ("", "text/plain; version=0.0.4", parse_text),
        (
            "application/openmetrics-text;version=1.0.0,*/*",
            "application/openmetrics-text",
            parse_open,
        ),
    ],
)
def test_a_reader_gets_the_format_it_accepts(metrics, accept, content_type, parser):
    metrics.mail_handled("Falco", 0.0, 0.1, "done")
    content, given = metrics.render(accept)
    assert given.startswith(content_type)
    families = {family.name: family for family in parser(content.decode())}
    assert families["falco_operator_reconcile_duration_seconds"].type == "histogram"
    assert not any(name.endswith("_created") for name in families)


def samples(metrics, name):
    """Values of one name by its label values, in the order of the label names."""
    content, _ = metrics.render()
    return {
        tuple(value for _, value in sorted(sample.labels.items())): sample.value
        for family in parse_text(content.decode())
        for sample in family.samples
        if sample.name == name
    }
