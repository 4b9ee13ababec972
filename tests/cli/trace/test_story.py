"""The trace of an actor in sentences."""

from __future__ import annotations

import pytest

from cli.trace.story import chapters, sentences, summary
from cli.trace.words import listed, span


def message(number, second, reasons=(), came=(), **fields):
    """A reconcile at this second that took 0.1 s."""
    return {
        "number": f"p-{number}",
        "at": f"2026-01-01T00:00:{second:09.6f}+00:00",
        "wait": 0.0,
        "run": 0.1,
        "message": "Reconcile",
        "reasons": [*reasons],
        "came": [*came],
        "outcome": "done",
        "calls": len(fields.get("requests", ())),
        "requests": [],
        "decided": len(fields.get("decisions", ())),
        "decisions": [],
        **fields,
    }


def told(*messages):
    """The sentences of the last of these messages."""
    return list(sentences(chapters(messages)[-1]))


def test_a_change_by_others_is_told_with_version_and_time():
    assert told(message(1, 1, ["changed Falco falco@7"], [[0.012, 0.012, 1]]))[0] == (
        "Woken because Falco falco changed to version 7 (12 ms before)."
    )


def test_what_came_often_is_counted_and_what_was_not_kept_too():
    reasons = ["changed DaemonSet falco@9", "deleted Pod p", "and 3 more"]
    assert told(message(1, 1, reasons, [[2.0, 0.5, 4], [1.0, 1.0, 1]]))[0] == (
        "Woken because DaemonSet falco changed 4 times, the last time to version 9 "
        "(500 ms before); Pod p was deleted (1.0 s before); and 3 more."
    )


def test_an_own_write_is_known_when_the_watch_tells_of_it():
    first = message(
        1,
        1,
        ["changed Falco falco@7"],
        [[0.0, 0.0, 1]],
        decisions=["created DaemonSet/ns/falco@8", "wrote the status of Falco/ns/falco@9"],
    )
    echo = message(
        2, 2, ["changed DaemonSet falco@8", "changed Falco falco@9"], [[0.5, 0.5, 1], [0.4, 0.4, 1]]
    )
    assert told(first, echo)[0] == (
        "Woken because the watch told it of what p-1 had written: DaemonSet falco@8 and "
        "Falco falco@9."
    )
    by_others = message(3, 3, ["changed DaemonSet falco@10"], [[0.1, 0.1, 1]])
    assert "p-1" not in told(first, echo, by_others)[0]


def test_a_timer_is_told_by_what_it_was_set_for():
    before = message(1, 1, outcome="requeue: 2.4999 s, the next status write for counts")
    after = message(2, 4, ["timer"], [[0.0, 0.0, 1]])
    assert told(before)[-1] == (
        "It looks again after 2.5 s at the latest: the next status write for counts."
    )
    assert told(before, after)[0] == (
        "Woken because its timer of 2.5 s (the next status write for counts) was over."
    )


@pytest.mark.parametrize(
    ("wait", "first", "sentence"),
    [
        (0.01, 0.01, None),
        (0.5, 0.5, "It waited 500 ms for its turn."),
        (0.95, 0.95, "It waited 950 ms for what it did before to end."),
        (
            2.0,
            2.0,
            "It waited 2.0 s for its turn, of which 1.0 s for what it did before to end.",
        ),
        (0.01, 3.0, "It began at once. The event had come 3.0 s before that."),
    ],
)
def test_a_wait_is_explained(wait, first, sentence):
    before = message(1, 1, run=8.0)  # until second 9
    lines = told(
        before, message(2, 10 if wait != 0.95 else 9, ["timer"], [[first, first, 1]], wait=wait)
    )
    assert [line for line in lines if "waited" in line or "at once" in line] == [
        *([sentence] if sentence else [])
    ]


def test_requests_are_told_by_the_slowest_and_by_those_that_were_refused():
    requests = [
        {"verb": "patch", "resource": "falcos", "name": "ns/a", "code": "200", "seconds": 0.02},
        {"verb": "get", "resource": "version", "name": "-", "code": "error", "seconds": 3.0},
        {"verb": "patch", "resource": "roles", "name": "ns/a", "code": "403", "seconds": 0.01},
    ]
    assert told(message(1, 1, requests=requests))[0] == (
        "It asked the API server 3 times: the slowest was get version (no answer, 3.0 s); refused: "
        "patch roles ns/a (403, 10 ms)."
    )


def test_decisions_about_single_objects_are_told_together():
    decisions = [
        "created Role/ns/a@3",
        "created ClusterRole/a--ns@4",
        "updated DaemonSet/ns/a@5: spec.template, metadata.labels",
        "left 2 children as they are",
    ]
    assert told(message(1, 1, decisions=decisions))[0] == (
        "It created Role a, ClusterRole a--ns; "
        "updated DaemonSet a (spec.template, metadata.labels); left 2 children as they are."
    )


@pytest.mark.parametrize(
    ("outcome", "sentence"),
    [
        ("done", "Nothing was left to do until something changes."),
        ("blocked: NameConflict", "It can do nothing until something changes: NameConflict."),
        ("crash: KeyError", "It crashed: KeyError."),
        ("error: FetchFailed", "It failed: FetchFailed."),
        ("cancelled", "It was cancelled."),
    ],
)
def test_an_end_is_a_sentence(outcome, sentence):
    assert told(message(1, 1, outcome=outcome)) == [sentence]


def test_the_summary_says_how_often_and_because_of_what():
    trace = [
        message(1, 1, ["changed Falco f@7"], [[0, 0, 1]], decisions=["created Role/ns/f@8"]),
        message(2, 2, ["changed Role f@8"], [[0, 0, 1]]),
        message(3, 3, ["changed Role f@8", "changed Falco f@12"], [[0, 0, 1], [0, 0, 1]]),
        message(4, 4, ["timer"], [[0, 0, 1]]),
        message(5, 5, message="Fetch"),
    ]
    assert summary(chapters(trace)) == (
        "By its trace it reconciled 2 times because of what others did, once because of nothing "
        "but its own writes and once because of its timer."
    )
    assert summary([]) == "No reconcile is in its trace."


def test_a_server_that_tells_no_times_is_understood():
    old = message(1, 1, ["changed Falco falco@7"])
    del old["came"]
    assert told(old) == ["Nothing was left to do until something changes."]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0004, "0.4 ms"), (0.25, "250 ms"), (31.04, "31.0 s"), (600, "10 min"), (7200, "2 h")],
)
def test_a_time_has_the_unit_that_fits(seconds, text):
    assert span(seconds) == text


def test_a_list_ends_with_and():
    assert [listed([]), listed(["a"]), listed(["a", "b", "c"])] == ["", "a", "a, b and c"]
