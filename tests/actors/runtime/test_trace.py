"""What an actor remembers of its last messages."""

import asyncio
import gc
import json
from dataclasses import replace
from typing import NamedTuple

import pytest

from actors.runtime.activity import Asking, Beside, decide
from actors.runtime.mail import Letter
from actors.runtime.reason import Cause, Reason, Reasons
from actors.runtime.results import Blocked, Done, RequeueAfter, Retire, outcome_of
from actors.runtime.trace import LEAST, LONGEST, MOST_LINES, Notes, Trace
from tests.actor_examples import BugError, Probe, actor_of, fake_runtime, reconcile
from tests.fake_clock import settle


def handled(trace, number=1, message="text", sent=0.0, **notes):
    """Adds an entry for a message that was handled at second `number`."""
    made = Notes("process", number)
    for request in notes.get("requests", ()):
        made.asked(made.ask(), *request)
    for what in notes.get("decisions", ()):
        made.decide(what)
    trace.add(number, Letter(message, None, sent), number, 0.25, "done", made)


def test_the_room_of_a_trace_is_a_setting():
    runtime = replace(fake_runtime()[0], trace_room=100_000)
    trace = Trace(runtime)
    for number in range(200):
        handled(trace, number)
    assert len(trace) == 200


def test_the_last_reconciles_stay_and_other_messages_go_before_them():
    trace = Trace(fake_runtime()[0])
    long = [f"created ConfigMap/default/{'x' * 200}" for _ in range(MOST_LINES)]
    for number in range(0, 60, 2):
        handled(trace, number, Reasons(Reason(Cause.TIMER)), decisions=long)
        handled(trace, number + 1)
    numbers = [entry.number for entry in trace if entry.message == "Reconcile"]
    assert numbers == list(range(60 - 2 * LEAST, 60, 2))
    assert len(trace) == LEAST


def test_more_than_those_stay_for_an_hour_while_there_is_room():
    trace = Trace(fake_runtime()[0])
    for number in range(LEAST + 5):
        handled(trace, number * 10)
    kept = len(trace)
    assert kept > LEAST
    for number in range(100):
        handled(trace, 1000 + number)
    assert len(trace) == kept
    handled(trace, 1090 + int(LONGEST))
    assert len(trace) == LEAST


def test_an_entry_says_when_why_how_long_and_how_it_ended_but_no_payload():
    runtime, clock, _ = fake_runtime()
    clock._time = 100.0
    trace = Trace(runtime)
    reasons = Reasons(Reason(Cause.CHANGED, "DaemonSet", "falco", "4710"), at=89.25)
    reasons.add(Reason(Cause.TIMER), 89.5)
    reasons.add(Reason(Cause.CHANGED, "DaemonSet", "falco", "4711"), 89.75)
    asked = [("patch falcos/status ns/falco", "200", 90.1, 90.125)]
    handled(trace, 90, reasons, 89.5, requests=asked, decisions=["wrote the status\nof a Falco"])
    handled(trace, 95, "a secret", 95.0)
    run, message = trace.as_json()
    assert run == {
        "number": f"{runtime.numbers.process}-90",
        "at": "2026-01-01T00:01:30.000000+00:00",
        "message": "Reconcile",
        "reasons": ["changed DaemonSet falco@4711", "timer"],
        "came": [(0.75, 0.25, 2), (0.5, 0.5, 1)],
        "wait": 0.5,
        "run": 0.25,
        "outcome": "done",
        "calls": 1,
        "requests": [
            {
                "number": 1,
                "verb": "patch",
                "resource": "falcos/status",
                "name": "ns/falco",
                "code": "200",
                "after": 0.1,
                "seconds": 0.025,
            }
        ],
        "decided": 1,
        "decisions": ["wrote the status of a Falco"],
    }
    assert message["message"] == "str"
    assert "secret" not in json.dumps(message)


def test_an_entry_names_a_few_reasons_requests_and_decisions_and_counts_all():
    trace = Trace(fake_runtime()[0])
    reasons = Reasons(*(Reason(Cause.CHANGED, "Pod", str(number)) for number in range(40)))
    requests = [(f"get pods ns/{number}", "200", 1, 2) for number in range(40)]
    decisions = [f"deleted Pod/ns/{number}" for number in range(50)]
    handled(trace, 1, reasons, requests=requests, decisions=decisions)
    [entry] = trace.as_json()
    named = [f"changed Pod {number}" for number in range(10)]
    assert entry["reasons"] == [*named, "and 30 more"]
    assert len(entry["came"]) == len(named)
    assert entry["decisions"] == decisions[:MOST_LINES]
    assert [asked["name"] for asked in entry["requests"]] == [f"ns/{n}" for n in range(MOST_LINES)]
    assert (entry["calls"], entry["decided"]) == (40, 50)


def test_the_garbage_collector_does_not_visit_the_entries_for_ever():
    trace = Trace(fake_runtime()[0])
    handled(trace, 1, Reasons(Reason(Cause.CHANGED, "Pod", "falco", "1")))
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


async def test_requests_and_decisions_belong_to_the_message_that_runs():
    class Calling(Probe):
        async def on_receive(self, message):
            for number in range(message):
                with Asking("GET /x", f"get pods ns/{number}") as asking:
                    asking.code = "200"
                decide(f"nothing about {asking.number}")

    runtime = fake_runtime()[0]
    ref = Calling.start(runtime, [])
    for count in (2, 0, 1):
        ref.tell(count)
    ref.tell(reconcile("spec"))
    await settle()
    trace = ref.describe()["trace"]
    assert [entry["calls"] for entry in trace] == [2, 0, 1, 0]
    assert [asked["name"] for asked in trace[0]["requests"]] == ["ns/0", "ns/1"]
    first, second = trace[0]["decisions"]
    number = trace[0]["number"]
    assert (first, second) == (f"nothing about {number}.1", f"nothing about {number}.2")
    assert len({entry["number"] for entry in trace}) == 4


async def test_what_no_actor_asks_or_decides_is_in_no_trace():
    with Asking("GET /x", "get pods ns/a") as asking:
        decide("nothing")
    assert asking.number == ""


async def test_work_beside_the_mail_has_an_entry_and_requests_of_its_own():
    class Fetch(NamedTuple):
        what: str

    class Fetching(Probe):
        async def on_receive(self, message):
            decide("began to fetch")
            self.fetch = self.loop.create_task(self.do(message))

        async def do(self, gate):
            with Beside(Letter(Fetch("rules"), None, 0.0)):
                await gate.wait()
                with Asking("GET /x", "get configmaps ns/rules") as asking:
                    asking.code = "200"
                decide(f"asked as {asking.number}")
                raise BugError

    runtime = fake_runtime()[0]
    numbers = runtime.numbers
    ref = Fetching.start(runtime, [])
    gate = asyncio.Event()
    ref.tell(gate)
    await settle()
    ref.tell(reconcile("spec"))
    gate.set()
    await settle()
    with pytest.raises(BugError):
        await actor_of(ref).fetch
    assert ref.describe()["trace"][-1]["number"] != f"{numbers.process}-{numbers.last}"
    begun, meanwhile, fetch = ref.describe()["trace"]
    assert (begun["decisions"], begun["requests"]) == (["began to fetch"], [])
    assert meanwhile["calls"] == 0
    assert (fetch["message"], fetch["outcome"]) == ("Fetch", "error: BugError")
    assert [asked["name"] for asked in fetch["requests"]] == ["ns/rules"]
    assert fetch["decisions"] == [f"asked as {fetch['number']}.1"]
