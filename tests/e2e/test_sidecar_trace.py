"""What a sidecar tells of what its actors decide, on a real control plane."""

import json
import signal

import pytest

from tests.audit import Audit
from tests.e2e.one_node import one_node
from tests.eventually import eventually

RULES = "- macro: never\n  condition: evt.num<0\n"
BROKEN = "- macro: never\n  condition: evt.num<\n"


@pytest.fixture(scope="module")
def fleet(cluster, api, tmp_path_factory):
    """One node with its sidecar."""
    with one_node(cluster, api, tmp_path_factory.mktemp("trace")) as made:
        yield made


@pytest.fixture(autouse=True)
def empty(fleet):
    """Each test begins without artifacts."""
    fleet.clear()


def decided(node, what):
    """All decisions of an actor, by its kind or by its object."""
    status, body = node.answer("Debug", f"/debug/actors?{what}")
    assert status == 200, body
    return [
        decision
        for entry in json.loads(body)["actors"]
        for message in entry["actor"]["trace"]
        for decision in message["decisions"]
    ]


def says(node, what, *texts):
    """Wait until each of these texts is in a decision."""

    def check():
        lines = "\n".join(decided(node, what))
        assert all(text in lines for text in texts), lines
        return True

    eventually(check)


def test_each_part_says_what_it_decided_about_an_artifact(fleet):
    node = fleet.node
    fleet.config_map("rules", rules_yaml=RULES)
    fleet.apply("Rulesfile", "mine", configMapRef={"name": "rules"})
    fleet.programmed("Rulesfile", "mine")
    file = next(iter(node.rules()))
    says(node, "kind=Rulesfile", "began to fetch configmap:rules@", f"wants {file} of configmap:")
    says(node, "kind=Rulesfile", "fetched configmap:rules@")
    says(
        node,
        "kind=Installation",
        f"wrote {file}",
        "Rulesfile/mine of revision",
        "had 1 sources judged: ",
    )
    says(node, "kind=Reporter", "wrote the NodeReport: Rulesfile/mine Programmed")
    says(node, "kind=Gate", "keeps the gate closed", "opened the gate")
    says(node, "kind=Loading", "Falco is not asked")


def test_what_is_kept_not_selected_or_not_to_be_had_is_told_with_the_reason(fleet):
    node = fleet.node
    fleet.apply("Rulesfile", "mine", inlineRules=RULES)
    fleet.programmed("Rulesfile", "mine")
    file = next(iter(node.rules()))
    fleet.apply("Rulesfile", "mine", inlineRules=BROKEN)
    says(
        node,
        "kind=Installation",
        f"kept the last good {file}",
        "found Rulesfile/mine of revision 2 Failed: ",
    )
    fleet.apply("Config", "elsewhere", config={}, selector={"matchLabels": {"no": "where"}})
    says(node, "kind=Config", "not selected: its selector does not match")


def test_a_request_beside_the_mail_is_in_the_trace_and_in_the_audit_log(cluster, fleet):
    audit = Audit(cluster, user=f"system:serviceaccount:{fleet.namespace}:falco")
    mark = audit.mark()
    fleet.config_map("rules", rules_yaml=RULES)
    fleet.apply("Rulesfile", "mine", configMapRef={"name": "rules"})
    fleet.programmed("Rulesfile", "mine")
    entry = json.loads(
        fleet.node.answer("Debug", f"/debug/actors/Rulesfile/{fleet.namespace}/mine")[1]
    )
    # A first try may come before the Role names the ConfigMap.
    fetch = next(
        message
        for message in entry["actor"]["trace"]
        if (message["message"], message["outcome"]) == ("Fetch", "ok")
    )
    asked = fetch["requests"][0]
    assert (asked["verb"], asked["resource"], asked["name"]) == (
        "get",
        "configmaps",
        f"{fleet.namespace}/rules",
    )
    number = f"{fetch['number']}.{asked['number']}"
    assert number in {request.audit_id for request in audit.since(mark).about(fleet.namespace)}


def test_sigusr1_writes_the_dump_of_a_sidecar(fleet):
    fleet.apply("Rulesfile", "mine", inlineRules=RULES)
    fleet.programmed("Rulesfile", "mine")
    written = json.loads(fleet.node.dump_file().read_text())
    assert written.keys() == fleet.node.dump().keys()
    assert f"Rulesfile/{fleet.namespace}/mine" in json.dumps(written)


def test_sigusr1_tells_stderr_where_nothing_can_be_written(fleet):
    node = fleet.node
    place = node.directory
    blocked = place / f"{node.command.name}-{node.pid}-actors.json"
    blocked.unlink(missing_ok=True)
    blocked.mkdir()  # as on a file system that takes no file; root may write anywhere
    try:
        node.signal(signal.SIGUSR1)
        told = eventually(
            lambda: [
                json.loads(line)
                for line in node.log.read_text().splitlines()
                if line.startswith("{")
            ]
        )
    finally:
        blocked.rmdir()
    assert told[-1].keys() == node.dump().keys()
    assert node.running
