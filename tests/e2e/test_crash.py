"""The operator ends, in good order or not, and begins again; so do single parts of it."""

import signal
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.falcos import CHILDREN, CLUSTER_SCOPED, OURS, condition, leftovers, uid
from tests.eventually import eventually
from tests.operator_process import OperatorProcess, operator_kubeconfig

BURST = [f"burst-{number}" for number in range(50)]
# The operator is killed when there are so many DaemonSets.
KILLED_AT = (1, 10, 30)


def test_a_burst_of_falcos_is_carried_out_once_though_the_operator_is_killed(
    api, audit, namespace, operator, falcos
):
    mark = audit.mark()
    with ThreadPoolExecutor(10) as pool:
        made = [pool.submit(falcos.create, name) for name in BURST]
        for count in KILLED_AT:
            eventually(lambda n=count: len(api.list("DaemonSet", namespace)) >= n, within=60)
            operator.kill()
            operator.start()
        uids = {name: uid(creation.result()) for name, creation in zip(BURST, made, strict=True)}
    for name in BURST:
        falcos.becomes(name, within=120, Reconciled="True")

    def owners(kind):
        if kind in CLUSTER_SCOPED:
            found = api.list(kind, selector=OURS)
            marks = [child["metadata"]["annotations"] for child in found]
            return [
                mark["instance.falcosecurity.dev/owner-uid"]
                for mark in marks
                if f"/{namespace}/" in mark["instance.falcosecurity.dev/owner"]
            ]
        found = api.list(kind, namespace, OURS)
        return [child["metadata"]["ownerReferences"][0]["uid"] for child in found]

    for kind in CHILDREN:
        assert Counter(owners(kind)) == Counter(uids.values()), kind
    assert len(leftovers(api, namespace)) == 6 * len(BURST)
    writes = audit.since(mark).writes
    created = Counter((r.resource, r.name) for r in writes if r.code == 201)
    assert set(created.values()) == {1}


def test_what_was_created_while_no_operator_ran_is_carried_out_by_the_next(operator, falcos):
    operator.stop()
    falcos.create()
    operator.start()
    falcos.becomes(Reconciled="True", Available="True")


def test_what_strayed_while_no_operator_ran_is_corrected_by_the_next(api, operator, falcos):
    falcos.create()
    falcos.becomes(Reconciled="True", Available="True")
    operator.kill()
    falcos.change(type="Deployment")
    api.delete("Service", falcos.namespace, "falco")
    operator.start()
    falcos.becomes(Reconciled="True", Available="True")
    eventually(lambda: set(falcos.children()) == {*CHILDREN, "Deployment"} - {"DaemonSet"})


def test_an_api_server_that_dies_and_returns_finds_the_operator_where_it_was(
    cluster, audit, operator, falcos
):
    falcos.create("before")
    falcos.becomes("before", Reconciled="True", Available="True")
    with audit.excused():  # an API server answers before it has read its roles
        cluster.kill_api_server()
        cluster.start_api_server()
    falcos.create("after")
    falcos.change("before", version="0.43.0")
    falcos.becomes("after", within=90, Reconciled="True", Available="True")
    falcos.becomes("before", within=90, Reconciled="True", Available="True")
    assert operator.running
    assert 'actor_restarts_total{kind="Watcher"} 0.0' in operator.metrics()
    assert "Traceback" not in operator.log.read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_good_order(operator, falcos, number):
    falcos.create()
    falcos.becomes(Reconciled="True")
    operator.signal(number)
    assert operator.wait(10)
    assert operator.exit_code == 0
    assert "Traceback" not in operator.log.read_text()


def test_sigterm_amid_a_burst_ends_it_in_good_order(operator, falcos):
    for name in BURST[:10]:
        falcos.create(name)
    operator.signal(signal.SIGTERM)
    assert operator.wait(15)
    assert operator.exit_code == 0
    assert "Traceback" not in operator.log.read_text()
    operator.start()
    for name in BURST[:10]:
        falcos.becomes(name, Reconciled="True")


@pytest.mark.parametrize("server", ["metrics", "health_probe", "debug"])
def test_an_address_in_use_ends_it_with_a_message_that_names_it(cluster, tmp_path, server):
    path = operator_kubeconfig(cluster, tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with OperatorProcess(path, tmp_path, **{server: address}) as operator:
            operator.launch()
            assert operator.wait(30)
    assert operator.exit_code == 1
    assert f"cannot listen on {address}: Address already in use" in operator.log.read_text()


def test_one_falco_that_cannot_be_carried_out_holds_up_no_other(falcos):
    falcos.create("bad", version="not a tag!")
    falcos.create("good")
    falcos.becomes("good", Reconciled="True", Available="True")
    bad = falcos.becomes("bad", Reconciled="False")
    assert condition(bad, "Reconciled")["reason"] == "ApplyConfigurationError"
