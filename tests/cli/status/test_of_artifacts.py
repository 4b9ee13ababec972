"""What keeps an artifact from a node or from Falco is named, down to what it names."""

from __future__ import annotations

import pytest

from cli.cluster.snapshot import Unread
from cli.status import codes
from tests.cli.status.shapes import (
    POD,
    WELL,
    artifact,
    condition,
    daemon_set,
    diagnosis,
    entry,
    falco,
    report,
    told,
)


def of_artifact(*conditions, entries=None, **fields):
    """The findings about an artifact of a Falco of which all is well."""
    one = artifact(conditions=conditions, **fields)
    said = [entry(one)] if entries is None else entries
    return told(*WELL, POD, report(POD, *said), one)


def programmed(reason, message, status="False", **fields):
    return condition("Programmed", status, reason, message, **fields)


def test_a_sidecar_that_does_not_report_is_named_and_explains_what_waits():
    waits = artifact(conditions=[programmed("Pending", "Waiting for 1 of 1 pods", "Unknown")])
    assert told(*WELL, POD, waits) == [
        "FAL1501 Pod/default/falco-x: its sidecar runs, and there is no NodeReport of this pod"
    ]


def test_a_missing_secret_is_named_at_the_end_of_the_chain():
    spec = {
        "ociArtifact": {
            "image": {"repository": "a/b"},
            "registry": {"auth": {"secretRef": {"name": "creds"}}},
        }
    }
    why = "Secret creds does not exist"
    conditions = [
        condition("ResolvedRefs", "False", "ReferenceResolutionFailed", why),
        programmed("ReferenceResolutionFailed", why),
        condition("Loaded", "Unknown", "ReferenceResolutionFailed"),
    ]
    one = artifact(conditions=conditions, spec=spec)
    (found,) = diagnosis(*WELL, POD, report(POD, entry(one, "Pending")), one).findings
    assert [str(ref) for ref in found.chain] == ["Rulesfile/default/rules", "Secret/default/creds"]
    assert (found.code.name, found.cause) == ("FAL1601", why)


def test_refused_content_is_named_with_the_way_to_the_pod_that_refuses_it():
    why = "Failed on 1 of 1 pods: node-1: rule x: no such field"
    one = artifact(
        conditions=[
            programmed("InvalidContent", why),
            condition("Loaded", "False", "NotProgrammed"),
        ]
    )
    said = report(POD, entry(one, "Failed", loaded="", reason="InvalidContent", message="no"))
    (found,) = diagnosis(*WELL, POD, said, one).findings
    assert (found.code.name, found.cause) == ("FAL1602", why)
    assert [str(ref) for ref in found.chain] == [
        "Falco/default/falco",
        "DaemonSet/default/falco",
        "Pod/default/falco-x",
        "NodeReport/default/falco-x",
        "Rulesfile/default/rules",
    ]


@pytest.mark.parametrize(
    ("reason", "code", "status"),
    [
        ("OCIArtifactStoreFailed", codes.REGISTRY_FAILED, "False"),
        ("InlineRulesStoreFailed", codes.STORE_FAILED, "False"),
        ("NameConflict", codes.PLUGIN_NAME_TAKEN, "False"),
        ("SignatureRefused", codes.NOT_SIGNED, "False"),
        ("NoNodes", codes.SELECTS_NOTHING, "Unknown"),
        ("ActorParked", codes.PARKED, "Unknown"),
        ("SomethingNew", codes.CONDITION, "False"),
    ],
)
def test_the_reason_of_programmed_decides_the_code(reason, code, status):
    found = of_artifact(programmed(reason, "why", status))
    assert found == [f"{code.name} Rulesfile/default/rules: why"]


def test_an_artifact_that_waits_too_long_says_where_and_for_what():
    waits = programmed("Pending", "Waiting for 1 of 1 pods", "Unknown")
    one = artifact()
    entries = [entry(one, "Pending", loaded="", message="being fetched: oci")]
    assert of_artifact(waits, entries=entries) == [
        (
            "FAL1608 Rulesfile/default/rules: "
            "WAITING on 1 of 1 pods (falco-x on node-1): being fetched: oci"
        )
    ]
    old = [entry(one, revision="1-old")]
    assert of_artifact(waits, entries=old) == [
        (
            "FAL1608 Rulesfile/default/rules: "
            "STALE on 1 of 1 pods (falco-x on node-1): its report is of revision 1-old"
        )
    ]
    young = programmed("Pending", "Waiting for 1 of 1 pods", "Unknown", age=5)
    assert of_artifact(young, entries=entries) == []


def test_a_falco_that_has_not_loaded_what_is_installed_is_named():
    not_loaded = condition("Loaded", "False", "NotLoaded", "Not loaded on 1 of 1 pods: node-1")
    assert of_artifact(not_loaded) == [
        "FAL1609 Rulesfile/default/rules: Not loaded on 1 of 1 pods: node-1"
    ]


def test_a_falco_that_cannot_be_asked_is_a_note():
    off = condition("Loaded", "Unknown", "WebServerOff", "Falco's web server is off")
    one = artifact(conditions=[off])
    found = diagnosis(*WELL, POD, report(POD, entry(one, loaded="")), one)
    assert [one.code.name for one in found.findings] == ["FAL1610"]
    assert found.is_well


def test_an_artifact_that_a_falco_has_not_what_it_takes_for_is_named():
    lacks = condition("Compatible", "False", "Incompatible", "Falco old 0.43.1: needs engine 0.60")
    assert of_artifact(lacks) == [
        "FAL1611 Rulesfile/default/rules: Falco old 0.43.1: needs engine 0.60"
    ]


def test_what_is_installed_with_a_warning_is_told():
    overruled = "installed all the same, as validation is Warn: rule x"
    assert of_artifact(programmed("Programmed", f"Installed on 1 pod; {overruled}", "True")) == [
        f"FAL1612 Rulesfile/default/rules: {overruled}"
    ]
    said = programmed("Programmed", "Installed on 1 pod; macros that nothing uses: m", "True")
    assert of_artifact(said) == ["FAL1613 Rulesfile/default/rules: macros that nothing uses: m"]


def test_a_node_that_cannot_be_seen_is_named_as_the_artifact_says_it():
    lost = "1 pod unreachable on nodes that are not ready: falco-x on node-1"
    one = artifact(conditions=[programmed("Programmed", f"Installed on 1 pod; {lost}", "True")])
    unread = [Unread("Node", "", "you may not")]
    assert told(falco(), daemon_set(), POD, report(POD, entry(one)), one, unread=unread) == [
        f"FAL1401 Rulesfile/default/rules: {lost}"
    ]
    assert told(*WELL, POD, report(POD, entry(one)), one) == []


def test_what_a_terminal_would_obey_is_not_told():
    assert of_artifact(programmed("InvalidContent", "a\x1b[2Jb\nc")) == [
        "FAL1602 Rulesfile/default/rules: a\N{REPLACEMENT CHARACTER}[2Jb c"
    ]


def test_a_name_that_begins_like_another_is_not_taken_for_it():
    spec = {
        "ociArtifact": {
            "image": {"repository": "a/b"},
            "registry": {
                "auth": {"secretRef": {"name": "creds"}},
                "tls": {"caConfigMapRef": {"name": "creds-ca"}},
            },
        }
    }
    lacks = "ConfigMap creds-ca has no key ca.crt; it has: a, b"
    why = f"Secret creds does not exist; {lacks}"
    missing = condition("ResolvedRefs", "False", "ReferenceResolutionFailed", why)
    assert of_artifact(missing, spec=spec) == [
        f"FAL1601 ConfigMap/default/creds-ca: {lacks}",
        "FAL1601 Secret/default/creds: Secret creds does not exist",
    ]


def test_what_is_not_signed_is_named_once():
    unsigned = condition("Verified", "False", "NoSignature", "there is none")
    assert of_artifact(unsigned) == ["FAL1606 Rulesfile/default/rules: there is none"]
    refused = programmed("SignatureRefused", "there is none")
    assert of_artifact(unsigned, refused) == ["FAL1606 Rulesfile/default/rules: there is none"]
