"""The timeline, held against the rules of the trace event format."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import datetime
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from supervisors.debug.timeline import Timeline, document

SECONDS = st.floats(0, 100).map(lambda seconds: round(seconds, 6))
REQUESTS = st.builds(
    lambda after, seconds: {
        "verb": "patch",
        "resource": "falcos/status",
        "name": "ns/falco",
        "code": "200",
        "after": after,
        "seconds": seconds,
    },
    SECONDS,
    SECONDS,
)
CAME = st.tuples(
    st.sampled_from(["changed Falco falco@1", "not loaded", "listed Secret"]),
    st.tuples(SECONDS, SECONDS, st.integers(1, 9)),
)
MESSAGES = st.builds(
    lambda minute, wait, run, came, requests: {
        "at": f"2026-01-01T00:{minute:02}:00.123456+00:00",
        "message": "Reconcile",
        "reasons": [*(text for text, _ in came), *["and 3 more"][: len(came)]],
        "came": [times for _, times in came],
        "wait": wait,
        "run": run * 3,  # so that work beside the mail overlaps others
        "outcome": "done",
        "calls": len(requests),
        "requests": requests,
        "decisions": ["wrote the status"],
    },
    st.integers(0, 59),
    SECONDS,
    SECONDS,
    st.lists(CAME, max_size=3),
    st.lists(REQUESTS, max_size=35),
)
ENTRIES = st.lists(
    st.tuples(
        st.sampled_from(["Falco", "Plugin"]),
        st.lists(MESSAGES, max_size=4, unique_by=lambda m: m["at"]),
    ),
    max_size=3,
)


def shown(entries):
    """The events of these actors, as a reader gets them."""
    timeline = Timeline()
    events: list[dict[str, Any]] = []
    for number, (kind, messages) in enumerate(entries):
        ordered = sorted(messages, key=lambda message: message["run"])  # in any order
        trace = [{"number": f"{number}-{at}", **message} for at, message in enumerate(ordered)]
        entry = {"object": f"{kind}/ns/{number}", "actor": {"kind": kind, "trace": trace}}
        events.extend(timeline.events(entry))
    events.extend(timeline.counters())
    return json.loads(document([json.dumps(event).encode() for event in events], 3))


@given(ENTRIES)
def test_every_event_has_what_its_phase_needs_and_every_thread_a_name(entries):
    told = shown(entries)
    assert told["otherData"] == {"version": "1", "omitted": "3"}
    threads: set[tuple[int, int]] = set()
    processes: set[tuple[int, int]] = set()
    for event in told["traceEvents"]:
        assert event["ph"] in set("XbesfCM")
        assert all(type(event[key]) is int for key in ("pid", "tid", "ts"))
        assert event["ts"] >= 0
        if event["ph"] == "M":
            names = processes if event["name"] == "process_name" else threads
            names.add((event["pid"], event["tid"]))
            assert event["args"]["name"]
        elif event["ph"] == "X":
            assert event["dur"] >= 0
        elif event["ph"] == "C":
            assert event["args"]["waiting"] >= 0
    drawn = [event for event in told["traceEvents"] if event["ph"] in "Xbesf"]
    assert {(event["pid"], 0) for event in drawn} <= processes
    runs = [event for event in drawn if event.get("cat") != "request"]
    assert {(event["pid"], event["tid"]) for event in runs} <= threads


@given(ENTRIES)
def test_waits_and_flows_have_two_ends_in_order(entries):
    ends = defaultdict(list)
    for event in shown(entries)["traceEvents"]:
        if event["ph"] in "besf":
            ends[event["cat"], event["id"]].append(event)
    for (category, _), (first, second) in ends.items():
        assert (first["ph"], second["ph"]) == (("b", "e") if category == "mail" else ("s", "f"))
        assert first["ts"] <= second["ts"]


@given(ENTRIES)
def test_complete_events_of_a_thread_are_within_each_other_or_apart(entries):
    threads = defaultdict(list)
    for event in shown(entries)["traceEvents"]:
        if event["ph"] == "X" and event["pid"] != 1:
            threads[event["pid"], event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
    for spans in threads.values():
        spans.sort(key=lambda span: (span[0], -span[1]))
        for (begin, end), (next_begin, next_end) in pairwise(spans):
            assert next_begin >= end or (begin <= next_begin and next_end <= end)


@given(ENTRIES)
def test_each_reason_has_a_flow_from_its_own_time_to_the_handler(entries):
    events = shown(entries)["traceEvents"]
    starts = [event["ts"] for event in events if event["ph"] == "s"]
    messages = [message for _, messages in entries for message in messages]
    assert sorted(starts) == sorted(
        round(datetime.fromisoformat(message["at"]).timestamp() * 1_000_000)
        - round(last * 1_000_000)
        for message in messages
        for _, last, _ in message["came"]
    )


def test_an_actor_that_has_handled_nothing_is_not_shown():
    assert shown([("Falco", [])])["traceEvents"] == []
