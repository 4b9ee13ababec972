from datetime import UTC, datetime, timedelta, timezone

from resources.kubernetes.meta import RETRY, ObjectMeta, micro_time, timestamp, trial_of

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_900, tzinfo=UTC)


def test_a_time_has_seconds_and_ends_in_z():
    assert timestamp(NOW) == "2026-01-02T03:04:05Z"
    assert timestamp(NOW.astimezone(timezone(timedelta(hours=2)))) == "2026-01-02T03:04:05Z"


def test_a_micro_time_has_six_digits_even_at_a_full_second():
    assert micro_time(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == "2026-01-02T03:04:05.000000Z"


def test_a_parked_actor_is_tried_again_for_another_uid_generation_or_value_of_the_annotation():
    parked = ObjectMeta(uid="a", generation=1, resource_version="5")
    assert trial_of(parked) == trial_of(ObjectMeta(uid="a", generation=1, resource_version="6"))
    others = [
        ObjectMeta(uid="b", generation=1),
        ObjectMeta(uid="a", generation=2),
        ObjectMeta(uid="a", generation=1, annotations={RETRY: "now"}),
    ]
    assert all(trial_of(other) != trial_of(parked) for other in others)
