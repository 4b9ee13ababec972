"""How many restarts are too many; then the same against a naive model."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisors.tree.intensity import Intensity, Window


def recorded(intensity, times):
    window, verdicts = Window(intensity), []
    for time in times:
        window, exceeded = window.record(time)
        verdicts.append(exceeded)
    return verdicts


def test_one_restart_more_than_allowed_within_the_window_is_too_many():
    assert recorded(Intensity(2, 10), [0, 1, 2]) == [False, False, True]


def test_restarts_that_are_past_the_window_do_not_count():
    assert recorded(Intensity(2, 10), [0, 5, 11, 16, 20]) == [False, False, False, False, True]


def test_both_ends_of_the_window_count():
    assert recorded(Intensity(1, 10), [0, 10]) == [False, True]
    assert recorded(Intensity(1, 10), [0, 10.001]) == [False, False]


def test_with_no_restart_allowed_the_first_is_too_many():
    assert recorded(Intensity(0, 10), [0]) == [True]


def test_recording_leaves_the_former_window_as_it_was():
    window = Window(Intensity(1, 10))
    window.record(0)
    assert window == Window(Intensity(1, 10))


@given(
    limit=st.integers(0, 5),
    seconds=st.integers(1, 20),
    gaps=st.lists(st.integers(0, 15), max_size=60),
)
def test_the_window_agrees_with_counting_everything_that_ever_was(limit, seconds, gaps):
    window, now, all_times = Window(Intensity(limit, seconds)), 0.0, []
    for gap in gaps:
        now += gap
        all_times.append(now)
        window, exceeded = window.record(now)
        assert exceeded == (sum(now - time <= seconds for time in all_times) > limit)
        assert len(window) <= limit + 1


@pytest.mark.parametrize(("limit", "seconds"), [(-1, 1), (1, 0), (1, -1), (1, float("inf"))])
def test_limits_that_make_no_sense_are_refused(limit, seconds):
    with pytest.raises(ValueError, match=r"must be positive|counts from 0"):
        Intensity(limit, seconds)
