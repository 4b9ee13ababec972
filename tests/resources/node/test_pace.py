import pytest

from resources.node.pace import LEAST_SECONDS, Heard, next_change_at, quiet_seconds


@pytest.mark.parametrize(
    ("sizes", "seconds"),
    [
        ([], 2.0),
        ([100_000], 2.1),
        ([1_000_000, 1, 1], 5.000003),
        ([1, 1, 1_000_000], 3.000003),
        ([2_600_000, 2_600_000], 9.8),
        ([100_000_000], 30.0),
    ],
)
def test_the_quiet_time_grows_with_what_falco_compiles_and_has_an_end(sizes, seconds):
    assert quiet_seconds(LEAST_SECONDS, sizes) == pytest.approx(seconds)


def test_a_longer_quiet_time_than_any_is_kept():
    assert quiet_seconds(120.0, [5_000_000]) == 120.0


NOW, QUIET_UNTIL = 1000.0, 1001.0


@pytest.mark.parametrize(
    ("heard", "expected"),
    [
        pytest.param(None, QUIET_UNTIL, id="it cannot be asked"),
        pytest.param(Heard(has_taken=True), NOW, id="it has loaded everything"),
        pytest.param(Heard(), QUIET_UNTIL + 30, id="it loads"),
        pytest.param(Heard(is_late=True), QUIET_UNTIL, id="it had its time"),
        pytest.param(Heard(silent_since=NOW - 1), QUIET_UNTIL + 30, id="it reloads"),
        pytest.param(Heard(silent_since=NOW - 25), QUIET_UNTIL, id="it went away"),
        pytest.param(
            Heard(silent_since=NOW - 25, was_written_to=True),
            NOW - 25 + 105,
            id="it has the newest set for its return",
        ),
        pytest.param(
            Heard(silent_since=NOW - 200, was_written_to=True),
            QUIET_UNTIL,
            id="it was away for long",
        ),
    ],
)
def test_a_change_waits_for_what_falco_says(heard, expected):
    assert next_change_at(QUIET_UNTIL, heard, NOW, 30.0) == expected
