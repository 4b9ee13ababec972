import pytest

from resources.node.pace import LEAST_SECONDS, quiet_seconds


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
