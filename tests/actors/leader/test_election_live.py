"""Leader election on a real API server, as the operator's ServiceAccount, in real time."""

import asyncio
import json
import os
import random
import signal

import pytest

from actors.api.configuration import kubeconfig_configuration
from actors.api.transport import Transport
from actors.leader.election import LEASE, LeaderElection, LeadershipLost
from actors.leader.fence import Fence
from actors.leader.identity import identity_of
from actors.leader.lease_client import LeaseClient
from actors.runtime.clock import SystemClock
from actors.runtime.context import Runtime
from actors.runtime.lifecycle import ExitReason
from deploy.local import ControlPlane
from deploy.local.target import ALL_BUT_OPERATOR, INSTALL
from resources.kubernetes.kinds import object_path
from resources.kubernetes.lease import Timing
from resources.kubernetes.reference import ObjectRef

NAMESPACE = "falco-operator"
REF = ObjectRef("Lease", NAMESPACE, LEASE)
DENIED = ObjectRef("Lease", "default", LEASE)
SHORT = Timing(lease=3, renew_deadline=2.0, retry=0.2)
LONG = Timing(lease=600, renew_deadline=300.0, retry=0.2)
WITHIN = 60.0


class Silent:
    def api_request(self, *_):
        pass


class Candidate:
    """One replica's election, with a connection pool of its own."""

    def __init__(self, configuration, timing, ref):
        runtime = Runtime(SystemClock(), random.Random())
        self.transport = Transport(configuration, Silent())
        self.fence = Fence(runtime.clock)
        self.name = identity_of("pod", runtime.random)
        leases = LeaseClient(self.transport, ref)
        self.actor = LeaderElection(runtime, leases, self.fence, self.name, timing)
        self.ready = asyncio.Event()
        self.exit = asyncio.get_running_loop().create_future()
        self.ref = self.actor.launch()
        self.ref.link(lambda _, end: self.exit.set_result(end), lambda _: self.ready.set())

    async def leads(self):
        async with asyncio.timeout(WITHIN):
            await self.ready.wait()
        assert self.fence.open

    async def close(self):
        await self.ref.stop()
        await self.transport.close()


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    """A control plane of our own, which a test may stop."""
    directory = tmp_path_factory.mktemp("leases")
    with ControlPlane(directory, nodes=0, controllers=False, audit=False) as started:
        started.apply_crds([INSTALL], ALL_BUT_OPERATOR)
        yield started


@pytest.fixture(scope="module")
def kubeconfig(plane, tmp_path_factory):
    path = tmp_path_factory.mktemp("account") / "kubeconfig"
    return plane.service_account_kubeconfig(NAMESPACE, "falco-operator", path)


@pytest.fixture
async def candidate(plane, kubeconfig):
    """Makes candidates; the Lease is gone when the test is over."""
    made = []

    async def make(timing=LONG, ref=REF):
        made.append(Candidate(await kubeconfig_configuration(str(kubeconfig)), timing, ref))
        return made[-1]

    yield make
    for one in reversed(made):
        await one.close()
    plane.client.request("DELETE", object_path(REF))


@pytest.fixture
def spec(plane):
    """What the Lease says now."""
    return lambda: plane.client.call("GET", object_path(REF))["spec"]


def patch(plane, change):
    kind = {"Content-Type": "application/merge-patch+json"}
    answer = plane.client.request("PATCH", object_path(REF), change, **kind)
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


async def until(check):
    """Return once it is true; what another process does can only be asked for."""
    async with asyncio.timeout(WITHIN):
        while not check():  # noqa: ASYNC110 - no event says so
            await asyncio.sleep(0.02)


async def test_the_first_acquires_the_lease_and_the_second_stands_by(candidate, spec):
    first = await candidate()
    await first.leads()
    second = await candidate()
    await until(lambda: second.actor.waits_for is None)
    assert second.actor.standby
    assert not second.fence.open
    found = spec()
    assert found["holderIdentity"] == first.name == second.actor.describe()["holder"]
    assert (found["leaseDurationSeconds"], found["leaseTransitions"]) == (600, 0)


async def test_of_many_that_start_at_once_exactly_one_leads(candidate, spec):
    many = [await candidate() for _ in range(8)]
    await until(lambda: all(one.actor.waits_for is None for one in many))
    assert [one.name for one in many if one.fence.open] == [spec()["holderIdentity"]]


async def test_a_clean_stop_hands_over_long_before_the_lease_runs_out(candidate, spec):
    first = await candidate()
    await first.leads()
    second = await candidate()
    await until(lambda: second.actor.waits_for is None)
    await first.ref.stop()
    await second.leads()
    assert spec()["holderIdentity"] == second.name
    assert spec()["leaseTransitions"] == 1


async def test_a_stop_takes_nothing_but_the_holder_out_of_the_lease(candidate, spec):
    first = await candidate(Timing(lease=600, renew_deadline=300.0, retry=200.0))
    await first.leads()
    before = spec()
    await first.ref.stop()
    assert spec() == {**before, "holderIdentity": ""}


async def test_a_killed_leader_is_replaced(candidate, spec):
    first = await candidate(SHORT)
    await first.leads()
    second = await candidate(SHORT)
    await until(lambda: second.actor.waits_for is None)
    first.ref.kill()
    await second.leads()
    assert not first.fence.open
    assert spec()["holderIdentity"] == second.name


async def test_somebody_elses_change_of_the_lease_is_kept_and_no_loss(candidate, plane):
    first = await candidate()
    await first.leads()
    changed = patch(plane, {"metadata": {"labels": {"team": "security"}}})
    renewed = changed["spec"]["renewTime"]

    def found():
        return plane.client.call("GET", object_path(REF))

    await until(lambda: found()["spec"]["renewTime"] != renewed)
    assert found()["metadata"]["labels"] == {"team": "security"}
    assert found()["spec"]["holderIdentity"] == first.name
    assert first.fence.open
    assert not first.exit.done()


async def test_a_leader_whose_lease_is_taken_gives_up_and_leaves_it_alone(candidate, plane, spec):
    first = await candidate()
    await first.leads()
    patch(plane, {"spec": {"holderIdentity": "other"}})
    end = await asyncio.wait_for(first.exit, WITHIN)
    assert isinstance(end.error, LeadershipLost)
    assert not first.fence.open
    assert spec()["holderIdentity"] == "other"


async def test_a_release_does_not_take_somebody_elses_lease(candidate, plane, spec):
    first = await candidate(Timing(lease=600, renew_deadline=300.0, retry=200.0))
    await first.leads()
    patch(plane, {"spec": {"holderIdentity": "other"}})
    await first.ref.stop()
    assert spec()["holderIdentity"] == "other"


async def test_a_leader_gives_up_while_its_connection_hangs_and_can_stand_again(
    candidate, plane, spec
):
    """The API server is there and takes every byte, but never answers."""
    first = await candidate(SHORT)
    await first.leads()
    os.kill(plane.api_server.pid, signal.SIGSTOP)
    try:
        end = await asyncio.wait_for(first.exit, WITHIN)
    finally:
        os.kill(plane.api_server.pid, signal.SIGCONT)
    assert isinstance(end.error, LeadershipLost)
    assert not first.fence.open
    second = await candidate(SHORT)
    await second.leads()
    assert spec()["holderIdentity"] == second.name


async def test_a_leader_gives_up_when_the_api_server_stays_away(candidate, plane):
    first = await candidate(SHORT)
    await first.leads()
    await asyncio.to_thread(plane.stop_api_server)
    try:
        end = await asyncio.wait_for(first.exit, WITHIN)
    finally:
        await asyncio.to_thread(plane.start_api_server)
    assert end.reason is ExitReason.CRASH
    assert not first.fence.open


async def test_who_may_not_read_the_lease_is_not_ready_and_says_so(candidate):
    one = await candidate(ref=DENIED)
    await until(lambda: "cannot get resource" in (one.actor.waits_for or ""))
    assert one.actor.standby
    assert not one.exit.done()
