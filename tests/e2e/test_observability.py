"""What the running operator tells about itself, and what it keeps to itself."""

import json
import re
import socket

import pytest

from tests.e2e.falcos import CHILDREN, uid
from tests.eventually import eventually
from tests.operator_process import OperatorProcess, operator_kubeconfig

LISTED = {"Falco", "Deployment", *CHILDREN}


@pytest.fixture
def made(namespace, operator, falcos):
    """A new Falco, once the trace has the reconcile that made it, which is when it has ended."""
    falco = falcos.create()
    falcos.becomes(Reconciled="True", Available="True")
    eventually(lambda: operator.trace(f"{namespace}/falco"))
    return falco


def test_metrics_count_what_was_done(operator, falcos):
    falcos.create()
    falcos.becomes(Reconciled="True", Available="True")

    def at_rest():
        found = operator.samples()
        assert found["reconcile_total"]["Falco", "done"] > 0
        assert found["handlers_running"]["Falco",] == found["oldest_mail_seconds"]["Falco",] == 0
        return found

    before = eventually(at_rest)
    runs = before["reconcile_duration_seconds_count"]
    assert runs["Falco", "done"] == before["reconcile_total"]["Falco", "done"]
    assert before["actors_alive"]["Falco",] == 1
    assert before["actors_parked"]["Falco",] == 0
    assert before["actor_restarts_total"]["Falco",] == 0
    requests = before["api_requests_total"]  # by code, resource, verb
    assert requests["201", "configmaps", "patch"] == 1
    assert requests["201", "daemonsets", "patch"] == 1
    assert requests["200", "falcos", "list"] == 1
    assert ("200", "configmaps", "get") not in requests
    assert {kind for (kind,) in before["watch_opens_total"]} >= LISTED
    assert all(age >= 0 for age in before["watch_last_event_age_seconds"].values())
    assert before["leader"] == {(): 1}
    assert before["oldest_handler_seconds"]["Falco",] == 0
    assert before["loop_lag_seconds"][()] >= 0
    (version,) = before["build_info"].values()
    assert version == 1
    falcos.delete()
    eventually(lambda: operator.samples()["actors_alive"]["Falco",] == 0)


def test_metrics_name_kinds_and_no_objects(namespace, operator, falcos):
    falcos.create("a-name-to-look-for")
    falcos.becomes("a-name-to-look-for", Reconciled="True")
    metrics = operator.metrics()
    assert namespace not in metrics
    assert "a-name-to-look-for" not in metrics


def test_a_ready_operator_is_healthy(operator):
    assert operator.answer("Health", "/healthz") == (200, "ok\n")
    assert operator.answer("Health", "/readyz") == (200, "ok\n")


def test_an_operator_without_an_api_server_is_healthy_and_not_ready(cluster, tmp_path):
    path = operator_kubeconfig(cluster, tmp_path)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # and does not listen
        nowhere = f"https://127.0.0.1:{unused.getsockname()[1]}"
        path.write_text(path.read_text().replace(cluster.url, nowhere))
        with OperatorProcess(path, tmp_path) as operator:
            operator.launch()
            eventually(lambda: operator.port("HealthServer"))
            # The first words are that there is no answer yet.
            why = eventually(
                lambda: "connect" in (r := operator.answer("Health", "/readyz"))[1] and r
            )
            assert why[0] == 503
            assert nowhere.removeprefix("https://") in why[1]
            assert operator.answer("Health", "/healthz") == (200, "ok\n")
    assert operator.exit_code == 0


def test_the_dump_shows_the_tree_and_each_falcos_actor_with_its_trace(namespace, operator, made):
    names = [part["name"] for part in operator.dump()["children"]]
    assert names.index("falcos") < names.index("router") < names.index("watchers")
    actor = operator.dump(f"Falco/{namespace}/falco")["actor"]
    assert actor["kind"] == "Falco"
    assert actor["uid"] == uid(made)
    assert actor["held"] == {}
    first = actor["trace"][0]
    [reason] = first["reasons"]
    assert reason.startswith("changed Falco falco@")
    assert first["calls"] == 10
    assert first["run"] > 0
    watchers = operator.dump()["children"][names.index("watchers")]["actor"]["children"]
    assert {watcher["name"] for watcher in watchers} >= LISTED


def test_the_trace_and_the_audit_log_name_each_request_by_the_same_number(
    namespace, operator, falcos, audit
):
    mark = audit.mark()
    falcos.create()
    falcos.becomes(Reconciled="True", Available="True")
    trace = eventually(lambda: operator.trace(f"{namespace}/falco"))
    seen = {
        request.audit_id: (request.verb, request.resource, request.name, str(request.code))
        for request in audit.since(mark).about(namespace)
    }
    told = {
        f"{entry['number']}.{asked['number']}": (
            asked["verb"],
            asked["resource"].partition("/")[0],
            asked["name"].rpartition("/")[2],
            asked["code"],
        )
        for entry in trace
        for asked in entry["requests"]
    }
    assert len(told) == sum(entry["calls"] for entry in trace)
    assert told.items() <= seen.items()
    decided = [decision for entry in trace for decision in entry["decisions"]]
    version = falcos.child("DaemonSet")["metadata"]["resourceVersion"]
    created = [one for one in decided if one.startswith(f"created DaemonSet/{namespace}/falco@")]
    assert len(created) == 1
    assert int(created[0].rpartition("@")[2]) <= int(version)
    assert f"wrote the status of Falco/{namespace}/falco@" in "\n".join(decided)
    for entry in trace:
        assert len(entry["came"]) == len(entry["reasons"])
        assert max(first for first, _, _ in entry["came"]) >= entry["wait"] - 1e-5


def test_requests_beside_the_mail_are_traced_as_well(namespace, operator, falcos, audit):
    mark = audit.mark()
    falcos.create()
    falcos.becomes(Reconciled="True", Available="True")
    falcos.told("ResourceCreated")

    def numbers():
        _, body = operator.answer("Debug", "/debug/actors?kind=EventRecorder")
        (recorder,) = json.loads(body)["actors"]
        return {
            f"{entry['number']}.{asked['number']}"
            for entry in recorder["actor"]["trace"]
            if entry["message"] == "WriteEvent" and namespace in "".join(entry["decisions"])
            for asked in entry["requests"]
        }

    told = eventually(numbers)
    seen = {request.audit_id for request in audit.since(mark).about(namespace).events}
    assert told <= seen


@pytest.mark.usefixtures("made")
def test_the_timeline_has_a_thread_for_each_actor_of_a_kind(namespace, operator):
    status, body = operator.answer("Debug", f"/debug/trace?kind=Falco&namespace={namespace}")
    events = json.loads(body)["traceEvents"]
    assert status == 200
    threads = [event["args"]["name"] for event in events if event["name"] == "thread_name"]
    assert f"Falco/{namespace}/falco" in threads
    done = [event["name"] for event in events if event.get("cat") == "request"]
    assert done.count("patch daemonsets") == 1
    assert "patch falcos/status" in done


def test_sigusr1_writes_the_same_to_a_file_for_this_user_only(namespace, operator, falcos):
    falcos.create()
    falcos.becomes(Reconciled="True", Available="True")
    path = operator.dump_file()
    assert path.stat().st_mode & 0o777 == 0o600
    written = json.loads(path.read_text())
    assert written.keys() == operator.dump().keys()
    assert f"Falco/{namespace}/falco" in path.read_text()
    assert operator.running


def test_the_token_is_nowhere_to_be_seen(operator, falcos):
    falcos.create()
    falcos.create("bad", version="not a tag!")
    falcos.becomes(Reconciled="True")
    falcos.becomes("bad", Reconciled="False")
    told = [operator.log.read_text(), operator.metrics(), json.dumps(operator.dump())]
    told.append(operator.dump_file().read_text())
    told += falcos.told("ResourceCreated") + falcos.told("ResourceApplyError", "bad")
    token = operator.token_file.read_text()
    assert len(token) > 100
    for text in told:
        assert token not in text
        assert token.rpartition(".")[2] not in text
        assert not re.search(r"eyJ[\w-]{20,}", text)  # of any token
