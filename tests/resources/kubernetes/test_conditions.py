from datetime import UTC, datetime, timedelta

import pytest

from resources.kubernetes.conditions import ConditionDraft, condition, set_condition

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_900, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
YES = ConditionDraft("Reconciled", "True", "ResourceCreated", "done", 1)


def test_a_new_condition_starts_now():
    [new] = set_condition(None, YES, NOW)
    assert (new.type, new.status, new.reason, new.message) == (
        "Reconciled",
        "True",
        "ResourceCreated",
        "done",
    )
    assert new.observed_generation == 1
    assert new.last_transition_time == "2026-01-02T03:04:05Z"


@pytest.mark.parametrize(
    ("finding", "time"),
    [
        (YES, "2026-01-02T03:04:05Z"),
        (YES._replace(reason="ResourceUpdated", message="x"), "2026-01-02T03:04:05Z"),
        (YES._replace(generation=2), "2026-01-02T03:04:05Z"),
        (YES._replace(status="False"), "2026-01-02T04:04:05Z"),
    ],
)
def test_the_time_moves_only_when_the_status_does(finding, time):
    [after] = set_condition(set_condition(None, YES, NOW), finding, LATER)
    assert after.last_transition_time == time
    assert (after.reason, after.message) == (finding.reason, finding.message)


def test_equal_findings_make_equal_lists():
    once = set_condition(None, YES, NOW)
    assert set_condition(once, YES, LATER) == once


def test_the_order_is_fixed_whatever_is_set_first():
    available, other = YES._replace(type="Available"), YES._replace(type="Else")
    conditions: tuple = ()
    for finding in (other, available, YES, available):
        conditions = set_condition(conditions, finding, NOW)
    assert [known.type for known in conditions] == ["Reconciled", "Available", "Else"]


def test_a_condition_that_was_never_set_is_none():
    assert condition(None, "Reconciled") is None
    once = set_condition(None, YES, NOW)
    assert condition(once, "Reconciled") == once[0]
