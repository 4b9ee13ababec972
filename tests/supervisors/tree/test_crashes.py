"""Counting the crashes of one object's actor."""

from supervisors.tree.crashes import Crashes
from supervisors.tree.intensity import Intensity


def test_crashes_of_one_version_beyond_the_intensity_give_the_object_up():
    crashes = Crashes(Intensity(2, 60), version=1)
    assert [crashes.record(now, 1) for now in (0, 1, 2)] == [False, False, True]


def test_each_crash_is_another_attempt_for_the_backoff():
    crashes, attempts = Crashes(Intensity(5, 60), version=1), []
    for now in range(3):
        crashes.record(now, 1)
        attempts.append(crashes.attempt)
    assert attempts == [0, 1, 2]


def test_crashes_of_another_version_are_forgotten_but_for_the_last():
    crashes = Crashes(Intensity(1, 60), version=1)
    crashes.record(0, 1)
    assert crashes.record(1, 2) is False
    assert crashes.attempt == 0


def test_crashes_outside_of_the_window_do_not_count():
    crashes = Crashes(Intensity(1, 60), version=1)
    assert [crashes.record(now, 1) for now in (0, 61, 122)] == [False, False, False]
