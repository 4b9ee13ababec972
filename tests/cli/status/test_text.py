"""What a user reads: little when all is well, and the same as JSON has."""

from __future__ import annotations

import click
import pytest

from cli.cluster.snapshot import Unread
from cli.status.document import items
from cli.status.text import text_of
from tests.cli.status.shapes import (
    POD,
    WELL,
    artifact,
    condition,
    container,
    daemon_set,
    diagnosis,
    entry,
    falco,
    node,
    pod,
    report,
    waiting,
)

FAILED = condition("Programmed", "False", "InvalidContent", "Failed on 1 of 2 pods: node-2: no")


def broken():
    """An artifact that fails on one of two pods, and is loaded on the other."""
    one, other = artifact(conditions=[FAILED]), pod("falco-y", node="node-2")
    failed = entry(one, "Failed", loaded="", message="no")
    return diagnosis(
        *WELL, node("node-2"), POD, other, report(POD, entry(one)), report(other, failed), one
    )


def test_all_is_well_in_a_few_lines():
    one = artifact()
    assert text_of(diagnosis(*WELL, POD, report(POD, entry(one)), one), [], is_wide=False) == (
        "NAME          TYPE        VERSION   PODS   STATE\n"
        "Falco/falco   DaemonSet   0.44.1    1/1    ok\n"
        "\n"
        "ARTIFACT          SOURCE   PODS       STATE\n"
        "Rulesfile/rules   inline   LOADED 1   ok\n"
        "\n"
        "All is well.\n"
    )
    assert text_of(diagnosis(), [], is_wide=False) == "There is nothing of Falco's here.\n"


def test_pods_that_may_not_be_read_are_not_none():
    found = diagnosis(*WELL, artifact(), unread=(Unread("Pod", "", "you may not"),))
    assert "Rulesfile/rules   inline   ?      ok" in text_of(found, ["no"], is_wide=False)
    assert [one["pods"] for one in items(found, []) if one["kind"] == "Artifact"] == [None]


def test_only_pods_that_differ_are_named():
    told = text_of(broken(), [], is_wide=True)
    assert (
        "NAMESPACE   ARTIFACT          SOURCE   PODS                 STATE\n"
        "default     Rulesfile/rules   inline   LOADED 1, FAILED 1   FAL1602\n"
        "\n"
        "NAMESPACE   ARTIFACT          IS       ON       WHY\n"
        "default     Rulesfile/rules   FAILED   node-2   no\n"
    ) in told
    assert told.endswith(
        "\N{MULTIPLICATION SIGN} FAL1602 The content is refused\n"
        "    Falco/default/falco → DaemonSet/default/falco → Pod/default/falco-y → "
        "NodeReport/default/falco-y → Rulesfile/default/rules\n"
        "    cause: Failed on 1 of 2 pods: node-2: no\n"
        "    do: correct what is named; the last good version stays installed meanwhile\n"
        "    see: https://github.com/falcosecurity/falco-operator/blob/main/docs/cli.md#fal1602\n"
        "\n"
        "1 error\n"
    )


def test_many_artifacts_are_counted_where_nothing_is_to_be_said_of_them():
    every = [artifact(f"rules-{number}") for number in range(30)]
    said = report(POD, *map(entry, every))
    told = text_of(diagnosis(*WELL, POD, said, *every), [], is_wide=False)
    assert "30 artifacts as wanted on all pods\n" in told
    assert len(told.splitlines()) == 6


def test_what_a_thousand_pods_have_in_words_of_their_own_is_counted():
    ended = ({"reason": "Error", "exitCode": 1, "message": f"pod {at}"} for at in range(1000))
    states = (container(ready=False, state={"terminated": one}) for one in ended)
    pods = (pod(f"falco-{at}", falco=state) for at, state in enumerate(states))
    found = diagnosis(*WELL, *pods)
    assert len(found.findings) == 1000
    told = text_of(found, [], is_wide=False).splitlines()
    assert "and 980 more of FAL1304: see -o json" in told
    assert told[-1] == "1000 errors"
    assert len(told) < 200


def test_lines_fit_the_terminal():
    told = text_of(broken(), [], is_wide=True, width=60)
    (link,) = (line for line in told.splitlines() if "https:" in line)
    assert link.endswith("docs/cli.md#fal1602"), "it can be followed"
    others = (line for line in told.splitlines() if line != link)
    assert max(len(click.unstyle(line)) for line in others) <= 60


def test_a_long_source_gives_way_to_what_is_said_of_the_pods(monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    image = {"repository": "acme/a-repository-with-a-rather-long-name/rules"}
    far = artifact(spec={"ociArtifact": {"image": image, "registry": {"name": "r.example.org"}}})
    told = text_of(diagnosis(*WELL, POD, report(POD, entry(far)), far), [], is_wide=False, width=60)
    (line,) = (one for one in click.unstyle(told).splitlines() if one.startswith("Rulesfile/"))
    assert len(line) <= 60
    assert line.endswith("…   LOADED 1   ok")


@pytest.mark.parametrize("ill", ["\x1b[2J", "\x9b31m", "\u202e"])
def test_no_terminal_obeys_whoever_may_write_a_status(ill):
    crashed = container(ready=False, state={"terminated": {"exitCode": 1, "message": ill}})
    one = falco(conditions=[condition("Available", "False", ill, ill)])
    one["status"] |= {"resourceType": ill, "version": ill}
    found = diagnosis(one, daemon_set(), pod(node=ill, falco=crashed), artifact(), node("n"))
    assert found.findings
    assert ill[0] not in text_of(found, [], is_wide=True)


def test_json_has_what_the_text_says():
    by_kind = {one["kind"]: one for one in items(broken(), ["nodes could not be read"])}
    assert by_kind["Artifact"]["pods"] == {"LOADED": 1, "FAILED": 1}
    assert by_kind["Artifact"]["different"] == [
        {"pod": "falco-y", "node": "node-2", "state": "FAILED", "why": "no"}
    ]
    assert by_kind["Artifact"]["codes"] == ["FAL1602"]
    assert by_kind["Instance"]["codes"] == []
    assert by_kind["Finding"]["object"] == "Rulesfile/default/rules"
    assert by_kind["Unread"]["text"] == "nodes could not be read"


def test_the_fault_of_a_pod_is_that_of_its_falco():
    unready = daemon_set(status={"numberAvailable": 0})
    found = diagnosis(falco(), unready, node(), pod(falco=waiting("ErrImagePull", "no")))
    codes = {one["resource"]: one["codes"] for one in items(found, []) if one["kind"] == "Instance"}
    assert codes == {"Falco/default/falco": ["FAL1302"]}


def test_what_is_under_way_is_no_fault_and_not_called_well():
    young = artifact(conditions=[condition("Loaded", "Unknown", "Pending", age=5)])
    one = report(POD, entry(young, loaded=""))
    told = text_of(diagnosis(*WELL, POD, one, young), [], is_wide=False)
    assert "INSTALLED 1   under way\n" in told
    assert told.endswith("Nothing is wrong, but not all is there yet: Rulesfile/default/rules\n")
