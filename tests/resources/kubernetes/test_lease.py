"""What one candidate decides; `test_lease_histories` is about several."""

from datetime import UTC, datetime

import pytest

from resources.kubernetes.lease import (
    Acquire,
    Election,
    Lease,
    LeaseSpec,
    Look,
    Lost,
    Renew,
    Timing,
    Wait,
)
from resources.kubernetes.meta import ObjectMeta

TIMING = Timing(lease=15, renew_deadline=10.0, retry=2.0)
WALL = datetime(2026, 1, 1, tzinfo=UTC)
PAUSE = 2.0


def lease(version, holder, **spec):
    meta = ObjectMeta(resource_version=str(version))
    return Lease(metadata=meta, spec=LeaseSpec(holder_identity=holder, **spec))


def held_by(holder, version=1, **spec):
    return lease(version, holder, **{"lease_duration_seconds": 15, **spec})


def standby(seen, at=0.0):
    return Election("me", TIMING).looked(seen, at, PAUSE)


def leader(sent=0.0, version=1):
    return Election("me", TIMING).wrote(held_by("me", version), sent, PAUSE)


def test_a_candidate_looks_before_it_does_anything():
    assert Election("me", TIMING).decide(0) == Look()


@pytest.mark.parametrize(
    "free", [None, lease(1, None), lease(1, ""), held_by("me")], ids=["none", "null", "empty", "me"]
)
def test_a_lease_that_nobody_else_holds_is_acquired_at_once(free):
    assert standby(free).decide(0) == Acquire()


def test_a_held_lease_is_looked_at_again_after_each_pause():
    election = standby(held_by("other"))
    assert election.decide(0.5) == Wait(1.5)
    assert election.decide(2) == Look()


def test_a_lease_is_expired_only_when_it_has_not_changed_for_its_duration_since_first_seen():
    election = standby(held_by("other"), at=100)
    for now in range(102, 115, 2):
        election = election.looked(held_by("other"), now, PAUSE)
        assert isinstance(election.decide(now), Wait)
    assert election.decide(114.5) == Wait(0.5)
    assert election.looked(held_by("other"), 115, PAUSE).decide(115) == Acquire()


def test_every_change_starts_the_wait_anew():
    election = standby(held_by("other")).looked(held_by("other", version=2), 14, PAUSE)
    assert isinstance(election.looked(held_by("other", version=2), 28.9, PAUSE).decide(28.9), Wait)
    assert election.looked(held_by("other", version=2), 29, PAUSE).decide(29) == Acquire()


@pytest.mark.parametrize("renewed", ["1970-01-01T00:00:00.000000Z", "2999-01-01T00:00:00.000000Z"])
def test_the_times_in_a_lease_do_not_matter(renewed):
    election = standby(held_by("other", renew_time=renewed))
    assert election.decide(0) == Wait(PAUSE)
    assert election.looked(held_by("other", renew_time=renewed), 15, 2).decide(15) == Acquire()


def test_it_is_the_holder_who_says_how_long_to_wait():
    long = held_by("other", lease_duration_seconds=60)
    assert isinstance(standby(long).looked(long, 59, PAUSE).decide(59), Wait)
    assert standby(long).looked(long, 60, PAUSE).decide(60) == Acquire()


def test_who_says_no_duration_is_waited_for_as_long_as_ours():
    silent = lease(1, "other")
    assert isinstance(standby(silent).looked(silent, 14, PAUSE).decide(14), Wait)
    assert standby(silent).looked(silent, 15, PAUSE).decide(15) == Acquire()


def test_a_lease_that_vanished_counts_as_held_for_as_long_as_its_holder_may_not_have_noticed():
    election = standby(held_by("other")).looked(None, 3, PAUSE)
    assert election.decide(3) == Wait(PAUSE)
    assert election.looked(None, 15, PAUSE).decide(15) == Acquire()


def test_after_a_bid_without_answer_a_standby_looks_at_what_became_of_it():
    election = standby(None).failed(1, PAUSE)
    assert election.decide(1) == Wait(PAUSE)
    assert election.decide(3) == Look()


def test_a_leader_renews_after_each_pause():
    assert leader(sent=1).decide(1) == Wait(PAUSE)
    assert leader(sent=1).decide(3) == Renew()


def test_a_leader_tries_again_until_the_deadline_after_the_last_answered_renewal_was_sent():
    election = leader(sent=0)
    for now in (2, 4, 6, 8):
        election = election.failed(now, PAUSE)
        assert election.leads(now)
    assert election.decide(9.5) == Wait(0.5)
    assert not election.leads(10)
    assert isinstance(election.decide(10), Lost)


def test_a_leader_that_meets_a_conflict_looks_at_once_and_goes_on_if_the_lease_is_its_own():
    election = leader(version=1).conflicted(2, PAUSE)
    assert election.decide(2) == Look()
    election = election.looked(held_by("me", version=2), 2, PAUSE)
    assert election.decide(2) == Renew()
    assert election.leads_until == 10, "a look proves nothing about when it was renewed"


@pytest.mark.parametrize("result", [held_by("other", 2), lease(2, ""), None])
def test_a_leader_whose_lease_is_not_its_own_has_lost(result):
    election = leader().conflicted(2, PAUSE).looked(result, 2, PAUSE)
    assert isinstance(election.decide(2), Lost)


def test_a_first_bid_makes_a_lease_without_transitions():
    assert Election("me", TIMING).bid(WALL) == LeaseSpec(
        holder_identity="me",
        lease_duration_seconds=15,
        acquire_time="2026-01-01T00:00:00.000000Z",
        renew_time="2026-01-01T00:00:00.000000Z",
        lease_transitions=0,
    )


@pytest.mark.parametrize("holder", ["other", ""])
def test_a_change_of_the_holder_is_a_transition(holder):
    seen = held_by(holder, acquire_time="2020-01-01T00:00:00.000000Z", lease_transitions=4)
    bid = standby(seen).bid(WALL)
    assert (bid.lease_transitions, bid.acquire_time) == (5, "2026-01-01T00:00:00.000000Z")


def test_a_renewal_keeps_transitions_and_since_when():
    seen = held_by("me", acquire_time="2020-01-01T00:00:00.000000Z", lease_transitions=4)
    bid = standby(seen).bid(WALL)
    assert (bid.lease_transitions, bid.acquire_time) == (4, "2020-01-01T00:00:00.000000Z")


def test_a_renewal_is_a_change_even_if_the_wall_clock_stands_still():
    election = Election("me", TIMING)
    for version in range(3):
        bid = election.bid(WALL)
        assert election.lease is None or bid != election.lease.spec
        meta = ObjectMeta(resource_version=str(version))
        election = election.wrote(Lease(metadata=meta, spec=bid), 0, PAUSE)


@pytest.mark.parametrize(("lease", "deadline", "retry"), [(10, 10, 2), (15, 2, 2), (15, 10, 0)])
def test_a_timing_that_would_not_be_safe_is_refused(lease, deadline, retry):
    with pytest.raises(ValueError, match="retry < renew_deadline < lease"):
        Timing(lease, deadline, retry)
