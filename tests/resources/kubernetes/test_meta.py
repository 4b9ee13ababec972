from datetime import UTC, datetime, timedelta, timezone

from resources.kubernetes.meta import micro_time, timestamp

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_900, tzinfo=UTC)


def test_a_time_has_seconds_and_ends_in_z():
    assert timestamp(NOW) == "2026-01-02T03:04:05Z"
    assert timestamp(NOW.astimezone(timezone(timedelta(hours=2)))) == "2026-01-02T03:04:05Z"


def test_a_micro_time_has_six_digits_even_at_a_full_second():
    assert micro_time(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == "2026-01-02T03:04:05.000000Z"
