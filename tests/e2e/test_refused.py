"""What the API server refuses is told in its own words, asked for no more, and made good later."""

from contextlib import contextmanager

import pytest

from tests.e2e.falcos import CHILDREN, generation, said
from tests.eventually import eventually

ADMISSION = "/apis/admissionregistration.k8s.io/v1"
PORTS = [{"containerPort": number, "name": "one"} for number in (9000, 9001)]
# Templates that fit the schema and that the API server refuses, and what it says.
TEMPLATES = {
    "two ports of one name": (
        {"spec": {"containers": [{"name": "falco", "ports": PORTS}]}},
        'spec.template.spec.containers[0].ports[2].name: Duplicate value: "one"',
    ),
    "a probe before its time": (
        {"spec": {"containers": [{"name": "falco", "livenessProbe": {"initialDelaySeconds": -1}}]}},
        "spec.template.spec.containers[0].livenessProbe.initialDelaySeconds: Invalid value: -1",
    ),
    "a mount without its volume": (
        {
            "spec": {
                "containers": [
                    {"name": "falco", "volumeMounts": [{"name": "no", "mountPath": "/x"}]}
                ]
            }
        },
        'spec.template.spec.containers[0].volumeMounts[17].name: Not found: "no"',
    ),
}
EACH = pytest.mark.parametrize("what", TEMPLATES)


@pytest.fixture
def looked_again(api, falcos, operator):
    """Has the operator look at the Falco again, some times, for a reason that changes nothing."""

    def look(times=3):
        for number in range(times):
            before = len(operator.trace(f"{falcos.namespace}/falco"))
            annotation = {"metadata": {"annotations": {"look": str(number)}}}
            api.merge("Falco", falcos.namespace, "falco", annotation)
            eventually(lambda n=before: len(operator.trace(f"{falcos.namespace}/falco")) > n)

    return look


@EACH
def test_a_workload_that_is_refused_is_told_once_and_made_when_the_template_is_mended(
    audit, namespace, falcos, looked_again, what
):
    template, why = TEMPLATES[what]
    falcos.create(podTemplateSpec=template)
    falco = falcos.becomes(Reconciled="False", Available="False")
    assert said(falco)["reason"] == "ApplyPatchErrorOnCreate"
    assert said(falco)["message"].startswith(f"DaemonSet/{namespace}/falco: ")
    assert why in said(falco)["message"]
    assert set(falcos.children()) == set(CHILDREN) - {"DaemonSet"}
    assert falcos.told("ResourceApplyError") == [said(falco)["message"]]
    mark = audit.mark()
    looked_again()
    assert not audit.since(mark).unwatched
    falcos.change(podTemplateSpec=None)
    falcos.becomes(Reconciled="True", Available="True")
    assert len(falcos.notes("ResourceApplyError")) == 1


@EACH
def test_a_change_that_is_refused_leaves_what_runs_alone(
    audit, namespace, falcos, looked_again, what
):
    template, why = TEMPLATES[what]
    falcos.create()
    falcos.becomes(Reconciled="True", Available="True")
    before = falcos.child("DaemonSet")
    falcos.change(podTemplateSpec=template)
    falco = falcos.becomes(Reconciled="False", Available="True")
    assert said(falco)["reason"] == "ApplyPatchErrorOnUpdate"
    assert said(falco)["message"].startswith(f"DaemonSet/{namespace}/falco: ")
    assert why in said(falco)["message"]
    assert falcos.told("ResourceApplyError") == [said(falco)["message"]]
    mark = audit.mark()
    looked_again()
    assert not audit.since(mark).unwatched
    assert generation(falcos.child("DaemonSet")) == generation(before)
    falcos.change(podTemplateSpec=None)
    falcos.becomes(Reconciled="True", Available="True")
    assert generation(falcos.child("DaemonSet")) == generation(before)


@contextmanager
def policy(cluster, namespace, resource, message):
    """An admission policy refuses every new object of a resource in the namespace."""
    name = f"no-{resource}-in-{namespace}"
    plain = {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "resourceRules": [
                {
                    "apiGroups": [""],
                    "apiVersions": ["v1"],
                    "operations": ["CREATE"],
                    "resources": [resource],
                }
            ],
        },
        "validations": [{"expression": "false", "message": message}],
    }
    binding = {"policyName": name, "validationActions": ["Deny"]}
    made = {
        "ValidatingAdmissionPolicy": ("validatingadmissionpolicies", plain),
        "ValidatingAdmissionPolicyBinding": ("validatingadmissionpolicybindings", binding),
    }
    for kind, (plural, spec) in made.items():
        head = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind}
        document = {**head, "metadata": {"name": name}, "spec": spec}
        cluster.client.call("POST", f"{ADMISSION}/{plural}", document)
    probe = {"metadata": {"name": "probe"}, "spec": {"ports": [{"port": 1}]}}
    path = f"/api/v1/namespaces/{namespace}/{resource}?dryRun=All"
    eventually(lambda: cluster.client.request("POST", path, probe).status == 422)
    try:
        yield
    finally:
        for plural, _ in made.values():
            cluster.client.call("DELETE", f"{ADMISSION}/{plural}/{name}")
    eventually(lambda: cluster.client.request("POST", path, probe).status == 201)


def test_a_child_that_a_policy_denies_is_told_with_the_words_of_the_policy(
    cluster, api, audit, namespace, operator, falcos, looked_again
):
    with policy(cluster, namespace, "services", "no Services on Fridays"):
        falcos.create()
        falco = falcos.becomes(Reconciled="False", Available="True")
        assert said(falco)["reason"] == "ApplyPatchErrorOnCreate"
        assert said(falco)["message"].startswith(f"Service/{namespace}/falco: ")
        assert said(falco)["message"].endswith("no Services on Fridays")
        assert set(falcos.children()) == set(CHILDREN) - {"Service"}
        assert falcos.told("ResourceApplyError") == [said(falco)["message"]]
        mark = audit.mark()
        looked_again()
        assert not audit.since(mark).unwatched
        held = operator.dump(f"Falco/{namespace}/falco")["actor"]["held"]
        assert list(held) == [f"Service/{namespace}/falco"]
    api.merge("Falco", namespace, "falco", {"metadata": {"labels": {"look": "again"}}})
    falcos.becomes(Reconciled="True", Available="True")
    assert set(falcos.children()) == set(CHILDREN)
    assert len(falcos.notes("ResourceApplyError")) == 1
