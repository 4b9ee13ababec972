"""Why an actor reconciles, as values and as text."""

import pytest

from actors.runtime.reason import MOST_REASONS, Cause, Reason, Reasons, reason_in


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (Reason(Cause.CHANGED, "DaemonSet", "falco", "4711"), "changed DaemonSet falco@4711"),
        (Reason(Cause.ABSENT, "Secret", "key"), "absent Secret key"),
        (Reason(Cause.LISTED, "Secret"), "listed Secret"),
        (Reason(Cause.TIMER), "timer"),
        (Reason(Cause.NOT_LOADED), "not loaded"),
        (
            Reason(Cause.CHANGED, "ClusterRole", "falco:a@b", "12"),
            "changed ClusterRole falco:a@b@12",
        ),
    ],
)
def test_a_reason_is_readable(reason, text):
    assert reason.text == text
    assert reason_in(text) == reason


@pytest.mark.parametrize("text", ["and 3 more", "", "changed ", "changed pod a@1", "Timer"])
def test_what_is_no_reason_is_none(text):
    assert reason_in(text) is None


def test_the_newest_version_of_an_object_replaces_the_older_ones():
    reasons = Reasons(*(Reason(Cause.CHANGED, "Pod", "p", str(version)) for version in range(9)))
    assert [reason.version for reason in reasons] == ["8"]


def test_what_comes_again_keeps_its_first_time_and_is_counted():
    older, newer = Reasons(), Reasons()
    for at in (3.0, 5.0):
        newer.add(Reason(Cause.CHANGED, "Pod", "p", str(at)), at)
    older.add(Reason(Cause.CHANGED, "Pod", "p", "1"), 1.0)
    older.update(newer)
    [seen] = older.sightings(10)
    assert seen == (Reason(Cause.CHANGED, "Pod", "p", "5.0"), 1.0, 5.0, 3)


def test_reasons_are_told_apart_by_cause_kind_and_name():
    reasons = Reasons(
        Reason(Cause.CHANGED, "Pod", "p"),
        Reason(Cause.DELETED, "Pod", "p"),
        Reason(Cause.CHANGED, "Node", "p"),
        Reason(Cause.CHANGED, "Pod", "q"),
    )
    assert len(reasons) == 4


def test_what_is_asked_for_is_a_cause_and_if_need_be_a_kind():
    reasons = Reasons(Reason(Cause.DELETED, "DaemonSet", "falco"), Reason(Cause.TIMER))
    assert reasons.have(Cause.DELETED)
    assert reasons.have(Cause.LISTED, Cause.TIMER)
    assert reasons.have(Cause.DELETED, kind="DaemonSet")
    assert not reasons.have(Cause.DELETED, kind="Falco")
    assert not reasons.have(Cause.LISTED)


def test_however_many_objects_change_the_text_names_the_first_and_counts_the_others():
    reasons = Reasons(*(Reason(Cause.CHANGED, "Pod", f"p{number:02}") for number in range(28)))
    assert len(reasons) == MOST_REASONS + 1
    assert reasons.texts()[-1] == "and 11 more"
    assert reasons.texts(2) == ["changed Pod p00", "changed Pod p01", "and 26 more"]
