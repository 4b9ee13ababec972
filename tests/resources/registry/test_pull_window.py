"""Many pods get a long window, and one alone waits for nobody."""

import pytest

from resources.registry.pull_window import MOST_SECONDS, window


@pytest.mark.parametrize(
    ("pods", "seconds"), [(0, 0.0), (1, 0.0), (2, 0.02), (501, 10.0), (100_000, MOST_SECONDS)]
)
def test_the_window_grows_with_them_up_to_a_limit(pods, seconds):
    assert window(pods, MOST_SECONDS) == seconds


def test_without_a_window_nobody_waits():
    assert window(5000, 0.0) == 0.0
