"""Leader election on a clock of the test's own and a Lease in memory; see also test_leader_live."""

import pytest

from actors.api.errors import Refused, Unavailable
from actors.leader.election import LeaderElection
from actors.leader.fence import Fence
from actors.leader.identity import identity_of
from actors.runtime.backoff import Backoff
from actors.runtime.lifecycle import ExitReason
from resources.kubernetes.lease import JITTER
from supervisors.tree.child_spec import ChildSpec
from supervisors.tree.intensity import Intensity
from supervisors.tree.supervisor import Strategy, Supervisor
from tests.actor_examples import Probe
from tests.actors.leader.electorate import House
from tests.fake_clock import settle

LEASE, DEADLINE, PATIENCE = 15.0, 10.0, 5.0
RETRY = 2.0 * JITTER[1]
AWAY = Unavailable(503, "ServiceUnavailable", "away")
DENIED = Refused(403, "Forbidden", "not allowed")


@pytest.fixture
def house():
    return House()


@pytest.fixture
async def leader(house):
    candidate = house.candidate("first")
    await settle()
    assert candidate.leads
    return candidate


@pytest.fixture
async def standby(house, leader):
    candidate = house.candidate("second")
    await settle()
    assert leader.leads
    return candidate


async def test_the_first_leads_and_lets_what_is_behind_it_start(house, leader):
    assert leader.is_ready
    assert house.leases.lease.holder == "first"
    assert house.leases.requests == ["get", "create"]


async def test_a_standby_is_ready_to_lead_but_what_is_behind_it_is_not_started(house, standby):
    assert standby.actor.standby
    assert standby.actor.waits_for is None
    await house.clock.advance(60)
    assert not standby.is_ready


async def test_a_dump_tells_who_leads_since_when(standby):
    told = standby.actor.describe()
    assert (told["identity"], told["standby"], told["holder"]) == ("second", True, "first")
    assert (told["since"], told["transitions"]) == ("2026-01-01T00:00:00.000000Z", 0)


async def test_a_leader_renews_by_one_request_a_pause(house, leader):
    house.leases.requests.clear()
    await house.clock.advance(24)
    assert set(house.leases.requests) == {"update"}
    assert 10 <= len(house.leases.requests) <= 15
    assert leader.leads


async def test_a_clean_stop_hands_over_at_the_next_look(house, leader, standby):
    await leader.ref.stop()
    assert house.leases.lease.holder == ""
    assert not leader.fence.open
    await house.clock.advance(RETRY)
    assert standby.leads
    assert house.leases.lease.spec.lease_transitions == 1


async def test_a_killed_leader_is_replaced_when_its_lease_has_run_out_and_not_before(
    house, leader, standby
):
    await house.clock.advance(30)
    leader.ref.kill()
    await house.clock.advance(LEASE - RETRY)
    assert not leader.fence.open
    assert not standby.leads
    await house.clock.advance(2 * RETRY)
    assert standby.leads


@pytest.mark.parametrize("skew", [-1e6, 1e6])
async def test_wrong_wall_clocks_make_nobody_lead_early_or_late(house, leader, skew):
    standby = house.candidate("second", skew)
    await house.clock.advance(60)
    assert leader.leads
    assert not standby.leads
    leader.ref.kill()
    await house.clock.advance(LEASE + RETRY)
    assert standby.leads


@pytest.mark.parametrize("trouble", [{"error": AWAY}, {"silent": True}, {"deaf": True}])
async def test_a_leader_gives_up_at_its_deadline_before_its_lease_can_be_taken(
    house, leader, trouble
):
    vars(house.leases).update(trouble)
    await house.clock.advance(DEADLINE - 0.1)
    assert leader.leads
    assert leader.exit is None
    await house.clock.advance(0.1)
    assert not leader.fence.open
    assert leader.lost


@pytest.mark.parametrize(
    ("trouble", "healthy"),
    [({"error": AWAY}, {"error": None}), ({"silent": True}, {"silent": False})],
)
async def test_a_leader_survives_an_outage_that_is_shorter_than_its_deadline(
    house, leader, trouble, healthy
):
    vars(house.leases).update(trouble)
    await house.clock.advance(PATIENCE)
    assert leader.actor.waits_for is None, "it leads"
    vars(house.leases).update(healthy)
    await house.clock.advance(60)
    assert leader.leads


async def test_a_renewal_that_came_through_without_an_answer_is_no_loss(house, leader):
    house.leases.deaf = True
    await house.clock.advance(RETRY)
    house.leases.deaf = False
    await house.clock.advance(PATIENCE)
    assert leader.leads
    assert house.leases.requests[-3:] == ["update", "get", "update"]


async def test_a_conflict_is_no_loss_while_the_lease_is_still_ours(house, leader):
    house.leases.set()
    await house.clock.advance(60)
    assert leader.leads


async def test_a_leader_that_finds_its_lease_taken_has_lost(house, leader):
    house.leases.set(holder_identity="other")
    await house.clock.advance(RETRY)
    assert leader.lost
    assert not leader.fence.open
    assert house.leases.lease.holder == "other"


async def test_a_leader_whose_lease_was_deleted_has_lost_and_a_standby_waits_all_the_same(
    house, leader, standby
):
    house.leases.lease = None
    await house.clock.advance(RETRY)
    assert leader.lost
    assert not standby.leads
    await house.clock.advance(LEASE)
    assert standby.leads


async def test_a_stop_does_not_give_back_what_is_somebody_elses(house, leader):
    house.leases.set(holder_identity="other")
    await leader.ref.stop()
    assert house.leases.lease.holder == "other"


async def test_a_stop_during_a_bid_gives_back_what_came_of_it(house):
    house.leases.deaf = True
    candidate = house.candidate("first")
    await settle()
    assert house.leases.lease.holder == "first"
    assert not candidate.is_ready
    house.leases.deaf = False
    await candidate.ref.stop()
    assert house.leases.lease.holder == ""


async def test_a_standby_stops_without_a_request(house, standby):
    house.leases.requests.clear()
    await standby.ref.stop()
    assert house.leases.requests == []


async def test_a_stop_does_not_wait_long_for_an_api_server_that_is_silent(house, leader):
    house.leases.silent = True
    leader.ref.stop()
    await house.clock.advance(PATIENCE)
    assert leader.exit.reason is ExitReason.SHUTDOWN


@pytest.mark.parametrize("error", [AWAY, DENIED])
async def test_a_candidate_that_cannot_read_the_lease_is_not_ready_and_says_why(house, error):
    house.leases.error = error
    candidate = house.candidate("first")
    await house.clock.advance(60)
    assert candidate.exit is None, "an API error is no crash"
    assert error.message in candidate.actor.waits_for
    house.leases.error = None
    await house.clock.advance(RETRY)
    assert candidate.leads
    assert candidate.actor.waits_for is None


async def test_identities_of_namesakes_differ(house):
    names = {identity_of("pod", house.runtime.random) for _ in range(100)}
    assert len(names) == 100
    assert all(name.startswith("pod_") for name in names)


class Tree:
    """A worker behind an election, as in the operator."""

    def __init__(self, house):
        self.log = house.leases.requests
        self.fence = Fence(house.clock)
        runtime, self.elections = house.runtime, []
        self.root = Supervisor(
            runtime,
            "operator",
            [
                ChildSpec("leader", lambda: self._start(house)),
                ChildSpec("worker", lambda: Probe.start(runtime, self.log)),
            ],
            strategy=Strategy.REST_FOR_ONE,
            intensity=Intensity(5, 60),
            backoff=Backoff(0.1, 1),
        )
        self.root.launch()

    def happened(self):
        """What the worker did, and requests that are no renewals, since the last time."""
        log = [entry for entry in self.log if entry in {"start", "stop", "update"}]
        self.log.clear()
        return log

    def _start(self, house):
        self.elections.append(LeaderElection(house.runtime, house.leases, self.fence, "me"))
        return self.elections[-1].launch()


async def test_nothing_behind_a_standby_is_started_until_it_leads(house):
    house.leases.set(holder_identity="other", lease_duration_seconds=15)
    tree = Tree(house)
    await house.clock.advance(LEASE - 1)
    assert "start" not in tree.happened()
    await house.clock.advance(1)
    assert tree.happened()[:2] == ["update", "start"]


async def test_what_is_behind_a_leader_is_stopped_on_a_loss_and_started_anew_when_it_leads_again(
    house,
):
    tree = Tree(house)
    await settle()
    assert tree.happened() == ["start"]
    house.leases.error = AWAY
    await house.clock.advance(DEADLINE)
    assert tree.happened()[-1] == "stop"
    house.leases.error = None
    await house.clock.advance(RETRY)
    assert tree.happened()[:2] == ["update", "start"]
    assert len(tree.elections) == 2
    assert tree.fence.open


async def test_the_lease_is_given_back_when_all_behind_it_has_stopped(house):
    tree = Tree(house)
    await settle()
    tree.happened()
    await tree.root.actor_ref.stop()
    assert tree.happened() == ["stop", "update"]
    assert house.leases.lease.holder == ""
