"""What the operator says of a Falco is a finding with a code of its own."""

from __future__ import annotations

import pytest

from cli.status import codes
from tests.cli.status.shapes import at, condition, daemon_set, diagnosis, falco, told


def reconciled(reason, message, status="False"):
    return told(falco(conditions=[condition("Reconciled", status, reason, message)]), daemon_set())


@pytest.mark.parametrize(
    ("reason", "code", "status"),
    [
        ("ApplyConfigurationError", codes.SPEC_REFUSED, "False"),
        ("ApplyPatchErrorOnCreate", codes.CHILD_REFUSED, "False"),
        ("NameConflict", codes.NAME_TAKEN, "False"),
        ("ActorParked", codes.PARKED, "False"),
        ("Paused", codes.PAUSED, "Unknown"),
        ("DriftDetected", codes.DRIFT, "False"),
        ("SomethingNew", codes.CONDITION, "False"),
    ],
)
def test_the_reason_of_reconciled_decides_the_code(reason, code, status):
    assert reconciled(reason, "why", status) == [f"{code.name} Falco/default/falco: why"]


def test_what_to_do_about_a_parked_actor_is_a_command():
    parked = condition("Reconciled", "False", "ActorParked", "KeyError: x")
    (found,) = diagnosis(falco(conditions=[parked]), daemon_set()).findings
    assert "kubectl annotate --overwrite -n default falco/falco falcosecurity.dev/retry=" in (
        found.remedy
    )


def test_a_warning_of_reconciled_is_a_note():
    said = "Every child is as wanted; warning: container falco may write to /etc/falco/rules.d"
    found = diagnosis(falco(conditions=[condition("Reconciled", message=said)]), daemon_set())
    assert [(one.code.name, one.cause) for one in found.findings] == [
        ("FAL1108", "container falco may write to /etc/falco/rules.d")
    ]
    assert found.is_well


def test_a_deletion_that_does_not_end_names_the_finalizers():
    going = {"deletionTimestamp": at(100), "finalizers": ["example.org/mine"]}
    assert told(falco(metadata=going)) == [
        (
            "FAL1107 Falco/default/falco: it is held by the finalizers example.org/mine, "
            "more than a minute after"
        )
    ]
    assert told(falco(metadata=going | {"deletionTimestamp": at(10)})) == []
