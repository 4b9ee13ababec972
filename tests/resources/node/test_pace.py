import pytest

from resources.node.pace import LEAST_SECONDS, quiet_seconds


@pytest.mark.parametrize(
    ("loaded", "seconds"),
    [(0, 2.0), (100_000, 2.1), (5_200_000, 7.2), (100_000_000, 30.0)],
)
def test_the_quiet_time_grows_with_what_falco_reads_and_has_an_end(loaded, seconds):
    assert quiet_seconds(LEAST_SECONDS, loaded) == seconds


def test_a_longer_quiet_time_than_any_is_kept():
    assert quiet_seconds(120.0, 5_000_000) == 120.0
