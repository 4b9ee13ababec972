"""What would change of an object, without defaults and without credentials."""

from __future__ import annotations

import copy

import pytest

from cli.diff.comparison import Change, change_of, unified

MANAGER = "falco-controller"
DESIRED: dict = {
    "apiVersion": "apps/v1",
    "kind": "DaemonSet",
    "metadata": {"name": "falco", "namespace": "security", "labels": {"a": "1"}},
    "spec": {
        "template": {
            "spec": {
                "containers": [
                    {
                        "name": "falco",
                        "image": "falco:1",
                        "ports": [{"containerPort": 80, "protocol": "TCP"}],
                        "env": [{"name": "TOKEN", "value": "mine"}],
                    }
                ],
            }
        }
    },
}
FIELDS = {
    "f:metadata": {"f:labels": {"f:a": {}}},
    "f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"falco"}': {
        ".": {}, "f:name": {}, "f:image": {},
        "f:ports": {'k:{"containerPort":80,"protocol":"TCP"}': {
            ".": {}, "f:containerPort": {}, "f:protocol": {}}},
        "f:env": {'k:{"name":"TOKEN"}': {".": {}, "f:name": {}, "f:value": {}}},
    }}}}},
}  # fmt: skip


@pytest.fixture
def live():
    """The object as the API server has it: with defaults, and a label of somebody else."""
    found: dict = copy.deepcopy(DESIRED)
    found["metadata"]["labels"]["other"] = "x"
    found["metadata"]["managedFields"] = [
        {"manager": MANAGER, "operation": "Apply", "fieldsV1": copy.deepcopy(FIELDS)}
    ]
    found["spec"]["template"]["spec"]["dnsPolicy"] = "ClusterFirst"
    container(found)["terminationMessagePath"] = "/dev/termination-log"
    return found


def container(one):
    return one["spec"]["template"]["spec"]["containers"][0]


def lines(desired, live):
    change = change_of("DaemonSet/security/falco", desired, live, MANAGER)
    told = unified([change] if change else [], lambda text: f"***{len(text)}")
    return [
        line.strip() for line in told if line[0] in "+-" and not line.startswith(("---", "+++"))
    ]


def test_defaults_and_fields_of_others_are_no_change(live):
    assert lines(DESIRED, live) == []


def changed(change):
    desired = copy.deepcopy(DESIRED)
    change(desired)
    return desired


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda one: container(one).update(image="falco:2"),
         ["-        image: falco:1", "+        image: falco:2"]),
        (lambda one: container(one).update(env=[]),
         ["-        env:", "-        - name: TOKEN", "-          value: '***4'",
          "+        env: []"]),
        (lambda one: one["metadata"]["labels"].pop("a"),
         ["-    a: '1'", "-  labels:", "+  labels: {}"]),
        (lambda one: container(one)["env"].append({"name": "B", "value": "2"}),
         ["+        - name: B", "+          value: '2'"]),
        (lambda one: one["spec"]["template"]["spec"].update(hostPID=True),
         ["+      hostPID: true"]),
        (lambda one: container(one)["env"][0].update(value="another"),
         ["-          value: '***4'", "+          value: '***7'"]),
    ],
)  # fmt: skip
def test_what_would_change_is_told_and_credentials_are_not(live, change, told):
    assert sorted(lines(changed(change), live)) == sorted(told)


def test_what_somebody_has_removed_or_changed_comes_back(live):
    container(live)["image"] = "other"
    container(live)["ports"] = []
    [entry] = live["metadata"]["managedFields"]
    owned = entry["fieldsV1"]["f:spec"]["f:template"]["f:spec"]["f:containers"]
    del owned['k:{"name":"falco"}']["f:ports"]
    told = lines(DESIRED, live)
    assert told[0] == "-        image: other"
    assert "+        - containerPort: 80" in told


def test_what_is_made_and_what_goes_are_whole():
    [head, new, *_] = unified([Change("ConfigMap/a/b", None, {"kind": "ConfigMap"})], str)
    assert (head, new) == ("--- /dev/null\n", "+++ files/ConfigMap/a/b\n")
    [head, new, *_] = unified([Change("ConfigMap/a/b", {"kind": "ConfigMap"}, None)], str)
    assert (head, new) == ("--- cluster/ConfigMap/a/b\n", "+++ /dev/null\n")
