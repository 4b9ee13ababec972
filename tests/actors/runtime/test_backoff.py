"""How long to wait before the next attempt."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.runtime.backoff import Backoff, refusal_delay, retry_after_seconds


def test_the_ceiling_doubles_up_to_the_cap():
    backoff = Backoff(0.5, 10)
    assert [backoff.ceiling(attempt) for attempt in range(7)] == [0.5, 1, 2, 4, 8, 10, 10]


@given(st.integers(0, 10**30), st.integers())
def test_a_delay_is_between_nothing_and_the_ceiling_however_many_attempts(attempt, seed):
    backoff = Backoff(1, 60)
    assert 0 <= backoff.delay(attempt, random.Random(seed)) <= backoff.ceiling(attempt) <= 60


def test_the_jitter_is_full():
    backoff, generator = Backoff(1, 60), random.Random(1)
    delays = [backoff.delay(10, generator) for _ in range(1000)]
    assert min(delays) < 3
    assert max(delays) > 57


@pytest.mark.parametrize(("base", "cap"), [(0, 1), (-1, 1), (2, 1), (1, float("inf"))])
def test_bounds_that_make_no_sense_are_refused(base, cap):
    with pytest.raises(ValueError, match="backoff needs"):
        Backoff(base, cap)


def test_a_negative_attempt_is_refused():
    with pytest.raises(ValueError, match="from 0"):
        Backoff(1, 2).ceiling(-1)


def test_a_refused_request_is_made_again_more_and_more_slowly():
    assert [refusal_delay(refusals) for refusals in range(5)] == [60.0, 120.0, 300.0, 300.0, 300.0]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("Thu, 26 Nov 2026 00:00:00 GMT", None),
        ("-1", None),
        ("\u0663", None),
        ("0", 0.0),
        ("7", 7.0),
        ("9" * 400, 300.0),
    ],
)
def test_retry_after_is_taken_in_seconds_and_has_a_bound(header, seconds):
    assert retry_after_seconds(header, 300.0) == seconds
