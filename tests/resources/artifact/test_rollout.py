"""How far a pod has come, by what it reports."""

from typing import Any

import pytest

from resources.artifact.nodereport import ArtifactReport
from resources.artifact.rollout import (
    FAILED,
    PLAIN,
    PROGRAMMED,
    UNCOVERED,
    UNREACHABLE,
    WAITS,
    PodProgress,
    PodReport,
    ReportEntry,
    Subject,
    Sum,
    entries,
    progress_of,
)
from resources.kubernetes.meta import LabelSelector

BLUE = LabelSelector(match_labels={"pool": "blue"})
EVERYWHERE, ON_BLUE = Subject("uid", "2-abc"), Subject("uid", "2-abc", BLUE)
IN_BLUE, IN_RED = {"pool": "blue"}, {"pool": "red"}


def entry(state, revision="2-abc", uid="uid", **fields):
    return (ReportEntry(uid=uid, revision=revision, state=state, **fields),)


DEAD: Any = {"is_unready": True}
PROGRESS = {
    "it says so, and its node is not ready": (
        EVERYWHERE,
        PodReport("n", {}, entry("Programmed"), **DEAD),
        PLAIN,
    ),
    "it fails, and its node is not ready": (
        EVERYWHERE,
        PodReport("n", {}, entry("Failed", reason="InvalidContent"), **DEAD),
        PodProgress(UNREACHABLE, "n"),
    ),
    "its node is not ready": (
        ON_BLUE,
        PodReport("n", IN_BLUE, (), **DEAD),
        PodProgress(UNREACHABLE, "n"),
    ),
    "its node is not ready and not covered": (
        ON_BLUE,
        PodReport("n", IN_RED, (), **DEAD),
        UNCOVERED,
    ),
    "it says so": (EVERYWHERE, PodReport("n", {}, entry("Programmed")), PLAIN),
    "it has something to remark": (
        EVERYWHERE,
        PodReport("n", {}, entry("Programmed", message="key foo is not known")),
        PodProgress(PROGRAMMED, message="key foo is not known"),
    ),
    "it fails": (
        EVERYWHERE,
        PodReport("n", {}, entry("Failed", reason="InvalidContent", message="line 3")),
        PodProgress(FAILED, "n", "InvalidContent", "line 3"),
    ),
    "it is at it": (EVERYWHERE, PodReport("n", {}, entry("Pending")), WAITS),
    "it is not selected": (EVERYWHERE, PodReport("n", {}, entry("NotSelected")), UNCOVERED),
    "it says what nobody knows": (EVERYWHERE, PodReport("n", {}, entry("Unheard")), WAITS),
    "it has another revision": (EVERYWHERE, PodReport("n", {}, entry("Programmed", "1")), WAITS),
    "it failed with another revision": (
        EVERYWHERE,
        PodReport("n", {}, entry("Failed", "1")),
        WAITS,
    ),
    "it knows another incarnation": (
        EVERYWHERE,
        PodReport("n", {}, entry("Programmed", uid="x")),
        WAITS,
    ),
    "it says nothing of the artifact": (EVERYWHERE, PodReport("n", {}, ()), WAITS),
    "it has said nothing at all": (ON_BLUE, PodReport(), WAITS),
    "its node is covered": (ON_BLUE, PodReport("n", IN_BLUE, ()), WAITS),
    "its node is not covered": (ON_BLUE, PodReport("n", IN_RED, ()), UNCOVERED),
    "its node was covered before": (
        ON_BLUE,
        PodReport("n", IN_RED, entry("Programmed", "1")),
        UNCOVERED,
    ),
    "it says so although its node is not covered": (
        ON_BLUE,
        PodReport("n", IN_RED, entry("Programmed")),
        PLAIN,
    ),
    "there is no revision yet": (
        Subject("uid", ""),
        PodReport("n", {}, entry("Programmed")),
        WAITS,
    ),
    "there is none and it knows why": (
        Subject("uid", ""),
        PodReport("n", {}, entry("Failed", "", reason="InvalidContent")),
        PodProgress(FAILED, "n", "InvalidContent"),
    ),
}


@pytest.mark.parametrize(("subject", "report", "progress"), PROGRESS.values(), ids=PROGRESS)
def test_a_pod_has_come_as_far_as_its_report_says(subject, report, progress):
    assert progress_of(subject, report) == progress


def test_the_entry_is_found_among_others():
    uids = ["a", "uid", "z"]
    reports = [
        ArtifactReport(kind="Config", name=uid, uid=uid, revision="2-abc", state="Programmed")
        for uid in reversed(uids)
    ]
    sorted_entries = entries(reports, None)
    assert [entry.uid for entry in sorted_entries] == uids
    assert progress_of(EVERYWHERE, PodReport("n", {}, sorted_entries)) == PLAIN
    assert progress_of(Subject("zz", "2-abc"), PodReport("n", {}, sorted_entries)) == WAITS


def test_of_two_entries_for_one_artifact_the_last_one_holds_and_of_a_long_message_the_beginning():
    reports = [
        ArtifactReport(kind="Config", name="a", uid="u", revision="1", state="Programmed"),
        ArtifactReport(
            kind="Config", name="a", uid="u", revision="2", state="Failed", message="x" * 9000
        ),
    ]
    (entry,) = entries(reports, None)
    assert entry.revision == "2"
    assert entry.message == "x" * 500


def test_desired_are_all_that_are_covered():
    assert Sum(pods=9, programmed=3, failed=2, pending=1).desired == 6
