"""A NodeReport of bounded size, and what the operator makes of it."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.artifact.nodereport import ArtifactReport, FitState, LoadState, ReportState
from resources.artifact.rollout import (
    WAITS,
    PodReport,
    Subject,
    entries,
    fit_of,
    progress_of,
    unlisted_entries,
)
from resources.node.short_report import MOST_BYTES, shortened

TEXTS = st.sampled_from(["", "x", "<" * 1024, "\u2028" * 341, "\0" * 1024, "\N{SNOWMAN}" * 341])
REASONS = st.one_of(st.none(), st.sampled_from(["InvalidContent", "Z" * 1024, "<" * 1024]))
OUTCOMES = st.tuples(
    st.sampled_from(list(ReportState)),
    REASONS,
    st.one_of(st.none(), TEXTS),
    st.one_of(st.none(), st.sampled_from(list(LoadState))),
    REASONS,
    st.one_of(st.none(), TEXTS),
    st.one_of(st.none(), st.sampled_from(list(FitState))),
    st.one_of(st.none(), TEXTS),
)


def artifact(number, outcome=(ReportState.PROGRAMMED,), name="r"):
    state, reason, message, loaded, loaded_reason, loaded_message, fit, lack = (
        *outcome,
        *[None] * 8,
    )[:8]
    return ArtifactReport(
        kind="Rulesfile",
        name=f"{name}-{number}",
        uid=f"uid-{number}",
        revision=f"{number}-0123456789abcdef",
        state=state,
        reason=reason,
        message=message,
        loaded=loaded,
        loaded_reason=loaded_reason,
        loaded_message=loaded_message,
        compatible=fit,
        compatible_message=lack,
    )


def stored_size(short):
    """In Go's JSON, which escapes what could end a script in HTML."""
    data = msgspec.json.encode({"artifacts": short.artifacts, "unlisted": short.unlisted})
    for plain in ("<", ">", "&", "\u2028", "\u2029"):
        data = data.replace(plain.encode(), b"\\u0000")
    return len(data)


def counted(short):
    """The pod as the operator sees it."""
    unlisted = unlisted_entries(short.unlisted, None)
    return PodReport("n", {}, entries(short.artifacts, None), False, unlisted)


def outcome(subject, pod):
    progress = progress_of(subject, pod)
    fit = fit_of(subject, pod)
    load = progress.load.state if progress.load else None
    return progress.state, load, fit.state if fit else None


@settings(deadline=None, max_examples=60)
@given(st.lists(OUTCOMES, min_size=1, max_size=20), st.sampled_from([1, 150, 2000]), TEXTS)
def test_a_report_has_room_for_whatever_there_is_and_every_artifact_is_known(kinds, times, name):
    reports = [
        artifact(number, kinds[number % len(kinds)], name[:200])
        for number in range(min(times * len(kinds), 4000))
    ]
    short = shortened(reports)
    assert stored_size(short) <= MOST_BYTES
    assert len(short.artifacts) + sum(group.count for group in short.unlisted) == len(reports)
    seen = counted(short)
    whole = PodReport("n", {}, entries(reports, None))
    for report in reports[:: max(1, len(reports) // 200)]:
        subject = Subject(report.uid, report.revision)
        assert outcome(subject, seen) == outcome(subject, whole)
        assert progress_of(Subject(report.uid, "another"), seen) == WAITS
        assert progress_of(Subject("another", report.revision), seen) == WAITS


def test_what_fits_is_as_it_was():
    reports = tuple(artifact(number) for number in range(1000))
    assert shortened(reports) == (reports, ())


def test_failures_come_first_and_the_rest_is_counted():
    broken = [
        artifact(number, (ReportState.FAILED, "InvalidContent", "x" * 1000)) for number in range(20)
    ]
    fine = [artifact(number, name="x" * 200) for number in range(100, 5100)]
    waiting = [artifact(number, (ReportState.PENDING,)) for number in range(50, 60)]
    short = shortened([*fine, *waiting, *broken])
    assert list(short.artifacts[:30]) == [*broken, *waiting]
    (group,) = short.unlisted
    assert (group.state, group.reason) == ("Programmed", None)
    assert group.count == 5030 - len(short.artifacts)


def test_of_failures_without_room_the_message_says_where_it_is():
    short = shortened(
        [artifact(number, (ReportState.FAILED, "A", "x" * 1000)) for number in range(999)]
    )
    seen = counted(short)
    last = progress_of(Subject("uid-998", "998-0123456789abcdef"), seen)
    assert (last.node, last.reason) == ("n", "A")
    assert last.message.endswith("the sidecar's log has it")


@pytest.mark.parametrize("count", [30_000, 60_000])
def test_of_more_than_it_can_mark_none_is_taken_for_installed_that_is_not(count):
    short = shortened([artifact(number) for number in range(count)])
    assert stored_size(short) <= MOST_BYTES
    assert sum(group.count for group in short.unlisted) + len(short.artifacts) == count
    seen = counted(short)
    assert outcome(Subject("uid-0", "0-0123456789abcdef"), seen) == ("Programmed", None, None)
    assert progress_of(Subject("uid-x", "1"), seen) == WAITS
