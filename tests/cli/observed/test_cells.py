"""How far a pod has come with an artifact, by its NodeReport and the labels of its node."""

from __future__ import annotations

import base64

import msgspec
import pytest

from cli.observed.cells import State, rows
from resources.artifact.nodereport import mark
from tests.cli.status.shapes import (
    REVISION,
    artifact,
    daemon_set,
    entry,
    falco,
    node,
    observed,
    pod,
    report,
)

RULES = artifact()
SELECTING = artifact(
    spec={
        "inlineRules": [{"macro": "never", "condition": "evt.num<0"}],
        "selector": {"matchLabels": {"zone": "a"}},
    }
)
POD = pod()
NODE = node()


def row(one, *reports, nodes=(NODE,), pods=(POD,)):
    seen = observed(falco(), daemon_set(), one, *pods, *nodes, *reports)
    (told,) = rows(seen.artifacts, seen.pods, seen.reports, seen.nodes)
    return told


def states(told):
    return {state: count for state, count in told.counts.items() if count}


@pytest.mark.parametrize(
    ("said", "state", "why"),
    [
        ({}, State.LOADED, None),
        ({"loaded": "Unknown", "loadedMessage": "web server off"}, State.INSTALLED, None),
        ({"loaded": ""}, State.INSTALLED, None),
        ({"state": "Pending", "loaded": "", "message": "being fetched"}, State.WAITING, "being"),
        ({"state": "Failed", "loaded": "", "message": "no"}, State.FAILED, "no"),
        ({"revision": "0-old"}, State.STALE, "its report is of revision 0-old"),
        ({"state": "NotSelected", "loaded": ""}, State.NOT_SELECTED, None),
    ],
)
def test_what_a_report_says_decides(said, state, why):
    told = row(RULES, report(POD, entry(RULES, **said)))
    assert states(told) == {state: 1}
    assert [cell.why.startswith(why) for cell in told.different] == ([True] if why else [])


def test_a_pod_without_a_report_waits_unless_its_node_is_not_selected():
    assert states(row(SELECTING, nodes=[node(labels={"zone": "a"})])) == {State.WAITING: 1}
    assert states(row(SELECTING, nodes=[node(labels={"zone": "b"})])) == {State.NOT_SELECTED: 1}
    # The labels of a node that nobody may see are not known.
    assert states(row(SELECTING, nodes=[])) == {State.WAITING: 1}


def test_artifacts_for_which_a_report_has_no_room_are_known_by_their_marks():
    told = base64.b64encode(mark(RULES["metadata"]["uid"], REVISION)).decode()
    full = report(POD)
    full["unlisted"] = [{"state": "Programmed", "loaded": "True", "count": 1, "marks": told}]
    assert states(row(RULES, full)) == {State.LOADED: 1}


def test_a_report_of_an_earlier_pod_of_the_same_name_does_not_count():
    old = msgspec.json.decode(msgspec.json.encode(report(POD, entry(RULES))))
    assert states(row(RULES, old | {"podUID": "another"})) == {State.WAITING: 1}


def test_only_pods_that_differ_from_those_that_have_loaded_it_are_listed():
    other = pod("falco-y", node="node-2")
    quiet = {"loaded": "Unknown", "loadedMessage": "web server off"}
    both = [report(POD, entry(RULES)), report(other, entry(RULES, **quiet))]
    told = row(RULES, *both, pods=(POD, other))
    assert [(cell.pod.node, cell.why) for cell in told.different] == [("node-2", "web server off")]
    same = [report(one, entry(RULES, **quiet)) for one in (POD, other)]
    assert row(RULES, *same, pods=(POD, other)).different == ()
