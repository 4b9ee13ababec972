"""The table of `make run` shows what is known, and what is wrong."""

from __future__ import annotations

import pytest

from deploy.local.table import is_well, render


def condition(type_, status, message="", generation=1):
    return {
        "type": type_,
        "status": status,
        "message": message,
        "observedGeneration": generation,
    }


def resource(kind, *conditions, spec=(), **status):
    return {
        "kind": kind,
        "metadata": {"namespace": "ns", "name": "it", "generation": 1},
        "spec": dict(spec),
        "status": {"conditions": list(conditions), **status},
    }


NEW = {"metadata": {"namespace": "ns", "name": "it", "generation": 1}, "spec": {}}
CONFLICT = condition("Reconciled", "False", "Service ns/it: is not ours")
MISSING = condition("ResolvedRefs", "False", "ConfigMap ns/rules\nis missing")
UNKNOWN = condition("Programmed", "Unknown", "no report")


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (
            resource("Falco", CONFLICT, resourceType="DaemonSet"),
            ["ns/it", "DaemonSet", "-", "-/-", "False", "Unknown", CONFLICT["message"]],
        ),
        ({"kind": "Falco", **NEW}, ["ns/it", "-", "-", "-/-", "Unknown", "Unknown"]),
        (
            resource(
                "Rulesfile",
                condition("ResolvedRefs", "True", "all there"),
                condition("Programmed", "True", "everywhere"),
                spec={"priority": 60},
                nodes={"summary": "3/3"},
            ),
            ["Rulesfile", "ns/it", "60", "True", "True", "3/3"],
        ),
        (
            resource("Config", MISSING, UNKNOWN, spec={"priority": 0}),
            ["Config", "ns/it", "0", "Unknown", "False", "-", "ConfigMap ns/rules is missing"],
        ),
        ({"kind": "Plugin", **NEW}, ["Plugin", "ns/it", "-", "Unknown", "Unknown", "-"]),
    ],
)
def test_a_resource_is_one_row(shown, words):
    rows = render([shown], []).splitlines()
    row = next(row for row in rows if "ns/it" in row)
    assert row.split() == " ".join(words).split()


def test_a_pod_shows_its_node_and_how_much_of_it_is_ready():
    pod = {
        "metadata": {"namespace": "ns", "name": "it-1"},
        "spec": {"nodeName": "node-1"},
        "status": {
            "phase": "Running",
            "containerStatuses": [{"ready": True}],
            "initContainerStatuses": [{"ready": False}],
        },
    }
    assert render([], [pod]).splitlines()[-1].split() == ["ns/it-1", "node-1", "Running", "1/2"]


@pytest.mark.parametrize(
    ("kind", "conditions", "well"),
    [
        ("Falco", [condition("Reconciled", "True"), condition("Available", "True")], True),
        ("Falco", [condition("Reconciled", "True"), condition("Available", "False")], False),
        ("Falco", [condition("Available", "True")], False),
        ("Plugin", [condition("Programmed", "True")], True),
        ("Plugin", [condition("Programmed", "True", generation=0)], False),
        ("Plugin", [], False),
    ],
)
def test_a_resource_is_well_once_its_conditions_say_so_of_this_generation(kind, conditions, well):
    assert is_well(resource(kind, *conditions)) is well
