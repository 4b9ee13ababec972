"""All is well, or under way, or each cause is named once."""

from __future__ import annotations

import re
from pathlib import Path

from cli.cluster.snapshot import Unread
from cli.status import codes
from cli.status.diagnosis import of_falco
from tests.cli.status.shapes import (
    POD,
    WELL,
    artifact,
    condition,
    daemon_set,
    diagnosis,
    entry,
    falco,
    node,
    pod,
    report,
    told,
    waiting,
)

RULES = artifact()
PROJECT = Path(__file__).parents[3]
UNREADY = {"numberAvailable": 0}


def programmed(reason, message, status="False", **fields):
    return condition("Programmed", status, reason, message, **fields)


def test_nothing_is_found_where_all_is_well():
    found = diagnosis(*WELL, POD, report(POD, entry(RULES)), RULES)
    assert found.findings == ()
    assert found.is_well


def test_nothing_is_found_while_a_falco_starts_and_it_is_underway():
    unseen = [condition(one, "Unknown", "Pending", generation=0) for one in ("Reconciled",)]
    found = diagnosis(falco(age=5, conditions=unseen))
    assert (found.findings, [str(one) for one in found.underway]) == ((), ["Falco/default/falco"])
    young = pod(age=5, falco=waiting("PodInitializing"), status={"phase": "Pending"})
    not_yet = condition("Available", "False", "DaemonSetUnavailable", "0 of 1", age=5)
    found = diagnosis(falco(age=5, conditions=[not_yet]), *WELL[1:], young)
    assert (found.findings, len(found.underway)) == ((), 1)


def test_what_cannot_be_known_is_not_waited_for():
    off = condition("Loaded", "Unknown", "WebServerOff", "off")
    assert diagnosis(*WELL, artifact(conditions=[off])).underway == []
    waits = condition("Loaded", "Unknown", "Pending", "Falco has not loaded it yet")
    assert len(diagnosis(*WELL, artifact(conditions=[waits])).underway) == 1


def test_a_falco_that_is_unavailable_is_named_only_if_nothing_below_it_explains_it():
    lost = falco(conditions=[condition("Available", "False", "DaemonSetUnavailable", "0 of 1")])
    assert told(lost, *WELL[1:], POD) == ["FAL1109 DaemonSet/default/falco: 0 of 1"]
    pulls = pod(falco=waiting("ErrImagePull", "no"))
    assert told(lost, daemon_set(status=UNREADY), node(), pulls) == [
        "FAL1302 Pod/default/falco-x: container falco: ErrImagePull: no"
    ]


def test_one_falco_is_shown_with_the_artifacts_of_its_namespace_and_without_other_falcos():
    parked = [condition("Reconciled", "False", "ActorParked", "KeyError")]
    bad = artifact(conditions=[programmed("InvalidContent", "no")])
    whole = diagnosis(*WELL, POD, falco("other", conditions=parked), report(POD), bad)
    chosen = of_falco(whole, "falco")
    assert [one.meta.ref.name for one in chosen.instances] == ["falco"]
    assert {one.code.name for one in chosen.findings} == {"FAL1602"}
    assert of_falco(whole, "nobody").instances == ()


def test_codes_can_be_suppressed():
    parked = [condition("Reconciled", "False", "ActorParked", "KeyError")]
    whole = diagnosis(falco(conditions=parked), daemon_set())
    assert not whole.is_well
    suppressed = whole.without(["FAL1104"])
    assert (suppressed.is_well, suppressed.underway) == (True, [])


def test_what_cannot_be_read_leads_to_no_finding():
    unread = [Unread(kind, "", "you may not") for kind in ("Node", "Pod", "DaemonSet")]
    assert told(falco(), RULES, unread=unread) == []


def test_every_code_is_explained_in_the_docs():
    page = (PROJECT / "docs" / "cli.md").read_text()
    anchors = re.findall(r"^### (FAL1\d{3})$", page, re.MULTILINE)
    assert anchors == [code.name for code in codes.CODES]
