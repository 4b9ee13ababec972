"""What an actor remembers of its last messages."""

import gc
import json

import pytest

from actors.runtime.mail import Letter
from actors.runtime.reason import Cause, Reason, Reasons
from actors.runtime.results import Blocked, Done, RequeueAfter, Retire
from actors.runtime.trace import SIZE, Trace, outcome_of
from tests.actor_examples import Probe, fake_runtime, reconcile
from tests.fake_clock import FakeClock, settle


def test_the_ring_keeps_the_last_entries_oldest_first():
    trace = Trace(FakeClock())
    for number in range(SIZE + 5):
        trace.add(Letter("text", None, number), number, 0, "ok", 0)
    assert len(trace) == SIZE
    assert [entry.at for entry in trace] == list(range(5, SIZE + 5))


def test_an_entry_says_when_why_how_long_and_how_it_ended_but_no_payload():
    clock = FakeClock()
    clock._time = 100.0
    trace = Trace(clock)
    reasons = Reasons(Reason(Cause.CHANGED, "DaemonSet", "falco", "4711"), Reason(Cause.TIMER))
    trace.add(Letter(reasons, None, 89.5), 90.0, 0.25, "done", 3)
    trace.add(Letter("a secret", None, 95.0), 95.0, 0.0, "ok", 0)
    run, message = trace.as_json()
    assert run == {
        "at": "2026-01-01T00:01:30.000+00:00",
        "message": "Reconcile",
        "reasons": ["changed DaemonSet falco@4711", "timer"],
        "wait": 0.5,
        "run": 0.25,
        "outcome": "done",
        "calls": 3,
    }
    assert message["message"] == "str"
    assert "secret" not in json.dumps(message)


def test_an_entry_names_a_few_reasons_and_counts_the_others():
    trace = Trace(FakeClock())
    reasons = Reasons(*(Reason(Cause.CHANGED, "Pod", str(number)) for number in range(40)))
    trace.add(Letter(reasons, None, 0), 0, 0, "done", 0)
    [entry] = trace.as_json()
    named = [f"changed Pod {number}" for number in range(10)]
    assert entry["reasons"] == [*named, "and 30 more"]


def test_the_garbage_collector_does_not_visit_the_entries_for_ever():
    trace = Trace(FakeClock())
    reasons = Reasons(Reason(Cause.CHANGED, "Pod", "falco", "1"))
    trace.add(Letter(reasons, None, 0), 1.0, 2.0, "done", 0)
    gc.collect()
    assert not any(map(gc.is_tracked, trace._entries))


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        (Done(), "done"),
        (RequeueAfter(2.5, "a child that goes"), "requeue: 2.5 s, a child that goes"),
        (Blocked("NameConflict"), "blocked: NameConflict"),
        (Retire(), "retire"),
    ],
)
def test_a_result_has_a_word_and_its_detail_behind_a_colon(result, outcome):
    assert outcome_of(result) == outcome


async def test_calls_are_counted_for_each_message_anew():
    class Calling(Probe):
        async def on_receive(self, message):
            self.calls += message

    ref = Calling.start(fake_runtime()[0], [])
    for number in (2, 0, 3):
        ref.tell(number)
    ref.tell(reconcile("spec"))
    await settle()
    assert [entry["calls"] for entry in ref.describe()["trace"]] == [2, 0, 3, 0]
