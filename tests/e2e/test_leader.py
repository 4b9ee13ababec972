"""Two operators of which one works: whoever holds the Lease, and nobody beside it."""

import signal
from collections import Counter

import pytest

from deploy.local.client import RefusedError
from resources.kubernetes.kinds import object_path
from resources.kubernetes.reference import ObjectRef
from tests.api import manifest
from tests.audit import Requests
from tests.e2e.falcos import CHILDREN, Falcos, condition
from tests.eventually import eventually
from tests.operator_process import OperatorProcess, operator_kubeconfig

NAMESPACE = "falco-operator"
LEASE = object_path(ObjectRef("Lease", NAMESPACE, "falco-operator"))
# A lost leader is replaced within 15 seconds and one pause, a busy machine aside.
TAKEN_OVER_WITHIN = 60
BURST = [f"burst-{number}" for number in range(20)]
# What a process that does not lead may ask for: the Lease, and which version the API server is.
OF_A_STANDBY = {"leases", "other"}


READS = ("get", "list", "watch")


class Replica(OperatorProcess):
    """One of several operators."""

    def __init__(self, kubeconfig, directory, pod, shared=None):
        """`shared` is a directory of the pod, which outlives its containers."""
        variables = {"POD_NAME": pod, "POD_NAMESPACE": NAMESPACE}
        flags = ["--leader-elect", f"--debug-dump-directory={shared or directory}"]
        super().__init__(kubeconfig, directory, flags=flags, variables=variables)
        self.pod = pod

    @property
    def election(self):
        """What it says of the Lease; empty while a lost election has not begun anew."""
        parts = self.dump()["children"]
        return next(part["actor"] for part in parts if part["name"] == "leader") or {}

    @property
    def leads(self):
        return self.election.get("standby") is False

    @property
    def requests(self):
        """How often it asked for each resource, by verb."""
        found: Counter[tuple[str, str]] = Counter()
        for (_, resource, verb), count in self.samples()["api_requests_total"].items():
            found[verb, resource] += int(count)
        return found

    @property
    def writes(self):
        """How often it wrote anything but the Lease."""
        counted = self.requests.items()
        return sum(n for (verb, of), n in counted if verb not in READS and of != "leases")

    def stands_by(self):
        election = self.election
        return election.get("standby") is True and election["waits_for"] is None


def writes_in(requests):
    """All but reads and what is about the Lease, as Replica.writes counts them."""
    return [
        request
        for request in requests
        if request.verb not in READS and request.resource != "leases"
    ]


def writes_of_a_creation(leader, falcos, audit):
    """How often the leader writes for a new Falco, once none of these writes is left to come.

    One that is under way would be counted when the leader wakes.
    """
    mark = audit.mark()
    falcos.create()
    falcos.becomes(Reconciled="True", Available="True")
    falcos.told("SubResourceCreated")
    falcos.told("ResourceCreated")
    eventually(lambda: leader.writes == len(writes_in(audit.since(mark))))
    return leader.writes


@pytest.fixture
def replicas(cluster, tmp_path):
    """A leader and a standby, both ready; in the end nobody holds the Lease."""
    made = [
        Replica(operator_kubeconfig(cluster, tmp_path), tmp_path / pod, pod)
        for pod in ("operator-a", "operator-b")
    ]
    with made[0], made[1]:
        for replica in made:
            replica.start()
        eventually(lambda: made[0].leads and made[1].stands_by())
        yield made
    cluster.client.request("DELETE", LEASE)


@pytest.fixture
def falcos(api, replicas):
    """The Falcos of a namespace, which go while there is a leader."""
    name = f"leader-{replicas[0].pid}"
    api.create(manifest("Namespace", "", name))
    yield Falcos(api, name)
    api.clear("Falco", name)
    eventually(lambda: not api.list("Falco", name), within=TAKEN_OVER_WITHIN)
    api.delete("Namespace", "", name)


@pytest.fixture
def holder(cluster):
    """The pod that holds the Lease."""

    def read():
        spec = cluster.client.call("GET", LEASE)["spec"]
        return spec["holderIdentity"].partition("_")[0]

    return read


def created(requests: Requests) -> Counter[str]:
    return Counter(f"{r.resource} {r.name}" for r in requests.writes if r.code == 201)


def test_one_works_and_the_other_is_ready_and_reads_nothing_but_the_lease(
    audit, replicas, falcos, holder
):
    leader, standby = replicas
    mark = audit.mark()
    falcos.create()
    falcos.becomes(Reconciled="True", Available="True")
    assert holder() == leader.pod
    assert standby.answer("Health", "/readyz") == (200, "ok\n")
    assert standby.writes == 0
    assert {resource for _, resource in standby.requests} <= OF_A_STANDBY
    assert {verb for verb, _ in standby.requests} == {"get"}
    assert (
        "watch_opens_total" not in standby.samples() or not standby.samples()["watch_opens_total"]
    )
    assert set(created(audit.since(mark)).values()) == {1}
    events = eventually(falcos.events)
    assert {event["reportingInstance"] for event in events} == {leader.pod}


def test_a_leader_that_is_stopped_hands_over_and_is_not_missed(audit, replicas, falcos, holder):
    leader, standby = replicas
    falcos.create()
    falcos.becomes(Reconciled="True", Available="True")
    mark = audit.mark()
    leader.stop()
    assert leader.exit_code == 0
    assert "the Lease is given back" in leader.log.read_text()
    # Long before it would have run out: nobody is told how long that takes, but for the Lease.
    eventually(lambda: standby.leads, within=TAKEN_OVER_WITHIN)
    assert holder() == standby.pod
    falcos.create("second")
    falcos.becomes("second", Reconciled="True", Available="True")
    writes = [r for r in audit.since(mark).writes if r.resource != "leases"]
    assert not [r for r in writes if r.name in {"falco", f"falco--{falcos.namespace}"}]


def test_a_leader_that_is_killed_amid_its_work_is_replaced_and_nothing_is_lost(
    api, audit, replicas, falcos, holder
):
    leader, standby = replicas
    mark = audit.mark()
    for name in BURST:
        falcos.create(name)
    eventually(lambda: api.list("DaemonSet", falcos.namespace))
    leader.kill()
    falcos.create("late")
    eventually(lambda: standby.leads, within=TAKEN_OVER_WITHIN)
    assert holder() == standby.pod
    for name in (*BURST, "late"):
        falcos.becomes(name, Reconciled="True", Available="True", within=TAKEN_OVER_WITHIN)
        assert set(falcos.children(name)) == set(CHILDREN)
    assert set(created(audit.since(mark)).values()) == {1}  # what was made was taken over


def test_a_leader_that_crashes_leads_again_as_soon_as_its_container_has_restarted(
    cluster, replicas, falcos
):
    leader, standby = replicas
    before = cluster.client.call("GET", LEASE)["spec"]
    for _ in range(2):
        leader.kill()
        leader.start()
        eventually(lambda: leader.leads, within=TAKEN_OVER_WITHIN)
    after = cluster.client.call("GET", LEASE)["spec"]
    for field in ("holderIdentity", "acquireTime", "leaseTransitions"):
        assert after[field] == before[field]
    assert standby.stands_by()
    falcos.create()
    falcos.becomes(Reconciled="True", Available="True")
    assert standby.writes == 0


def test_a_second_process_in_the_leaders_pod_is_a_standby_like_any_other(
    cluster, replicas, falcos, tmp_path
):
    leader, standby = replicas
    standby.stop()
    path = operator_kubeconfig(cluster, tmp_path)
    second = Replica(path, tmp_path / "second", leader.pod, shared=leader.directory)
    with second:
        leader.signal(signal.SIGSTOP)
        try:
            second.start()
            eventually(lambda: second.leads, within=TAKEN_OVER_WITHIN)
            spec = cluster.client.call("GET", LEASE)["spec"]
            assert spec["leaseTransitions"] == 1  # the Lease had run out
            falcos.create()
            falcos.becomes(Reconciled="True", Available="True")
        finally:
            leader.signal(signal.SIGCONT)
        eventually(leader.stands_by, within=TAKEN_OVER_WITHIN)
        assert second.leads
        assert leader.election["identity"] != second.election["identity"]


def test_a_leader_that_stands_still_writes_nothing_when_it_wakes_as_none(
    replicas, falcos, holder, audit
):
    leader, standby = replicas
    before = writes_of_a_creation(leader, falcos, audit)
    leader.signal(signal.SIGSTOP)
    try:
        # What the leader will find when it wakes up, and believe to be its own to do.
        falcos.change(version="0.43.0")
        eventually(lambda: standby.leads, within=TAKEN_OVER_WITHIN)
        falcos.becomes(Reconciled="True", Available="True")
        falcos.change(version="0.42.0")
        falcos.becomes(Reconciled="True", Available="True")
    finally:
        leader.signal(signal.SIGCONT)
    eventually(leader.stands_by, within=TAKEN_OVER_WITHIN)
    assert "LeadershipLost" in leader.log.read_text()
    assert leader.writes == before
    assert leader.answer("Health", "/readyz") == (200, "ok\n")
    assert holder() == standby.pod
    assert standby.leads
    falcos.change(version="0.43.0")
    eventually(lambda: condition(falcos.get(), "Reconciled") and "0.43.0" in str(falcos.get()))
    falcos.becomes(Reconciled="True", Available="True")
    assert leader.writes == before


def test_a_leader_that_is_cut_off_gives_up_by_itself_and_one_goes_on_when_it_can(
    replicas, falcos, paused, audit
):
    leader, standby = replicas
    writes_of_a_creation(leader, falcos, audit)
    with paused("kube-apiserver"):
        eventually(lambda: not leader.leads, within=TAKEN_OVER_WITHIN)
        assert not standby.leads
        before = leader.writes + standby.writes
    eventually(lambda: leader.leads or standby.leads, within=TAKEN_OVER_WITHIN)
    assert leader.leads != standby.leads
    assert leader.writes + standby.writes == before

    def changed():
        try:
            return falcos.change(version="0.43.0")
        except (OSError, RefusedError):
            return None  # still waking up

    eventually(changed)
    falcos.becomes(Reconciled="True", Available="True")
    assert leader.leads != standby.leads
