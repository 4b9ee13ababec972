import json
from datetime import UTC, datetime

import pytest

from resources.component.catalog import COMPONENT_TYPES
from resources.component.desired import desired, main_workload
from resources.component.spec import Component, ComponentChoice, ComponentSpec
from resources.instance.children import unwanted
from resources.instance.outcome import Outcome
from resources.instance.status import observed_status
from resources.kubernetes.invalid_spec import InvalidSpec
from resources.kubernetes.meta import ObjectMeta
from resources.kubernetes.overlay import normalized
from resources.kubernetes.reference import ObjectRef

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SELECTOR = {"app.kubernetes.io/name": "side", "app.kubernetes.io/instance": "side"}
DIGEST = "sha256:" + "0123456789abcdef" * 4


def component(type_="falcosidekick", labels=None, version=None, **spec):
    meta = ObjectMeta(name="side", namespace="ns", uid="u-1", generation=4, labels=labels)
    choice = ComponentChoice(type=type_, version=version)
    return Component(metadata=meta, spec=ComponentSpec(component=choice, **spec))


def children(resource, excluded_labels=()):
    return {child.ref.kind: child for child in desired(resource, excluded_labels)}


def deployment(**spec):
    return children(component(**spec))["Deployment"].body["spec"]


def with_image(image):
    return {"spec": {"containers": [{"name": "falcosidekick", "image": image}]}}


def status(resource, outcome, live, now):
    return observed_status(resource, outcome, main_workload(resource), live, now)


def ref(kind):
    return ObjectRef(kind, "ns", "side")


ROLE_OF_CLUSTER = ObjectRef("ClusterRole", "", "side--ns")
ALIKE = [
    (ref("ServiceAccount"), 1, ()),
    (ref("Service"), 1, ()),
    (ref("Deployment"), 3, (ref("ServiceAccount"),)),
]
CHILDREN = {
    "metacollector": [
        *ALIKE,
        (ROLE_OF_CLUSTER, 2, ()),
        (ObjectRef("ClusterRoleBinding", "", "side--ns"), 3, (ROLE_OF_CLUSTER,)),
    ],
    "falcosidekick": [*ALIKE, (ref("Role"), 1, ()), (ref("RoleBinding"), 2, (ref("Role"),))],
    "falcosidekick-ui": ALIKE,
}


@pytest.mark.parametrize(("type_", "wanted"), CHILDREN.items())
def test_each_type_has_its_children_in_waves(type_, wanted):
    made = [(child.ref, child.wave, child.after) for child in desired(component(type_), ())]
    assert sorted(made) == sorted(wanted)
    assert [wave for _, wave, _ in made] == sorted(wave for _, wave, _ in made)


@pytest.mark.parametrize(("type_", "wanted"), CHILDREN.items())
def test_all_that_a_component_could_have_had_is_either_wanted_or_unwanted(type_, wanted):
    actual = unwanted(ref("Component"), desired(component(type_), ()))
    possible = {child for of_type in CHILDREN.values() for child, _, _ in of_type}
    kept = {child for child, _, _ in wanted}
    assert possible - kept == set(actual) - {ref("DaemonSet")}
    assert not kept & set(actual)
    assert len(actual) == len(set(actual))


def test_a_binding_is_unwanted_before_its_role():
    kinds = [
        actual.kind
        for actual in unwanted(ref("Component"), desired(component("falcosidekick-ui"), ()))
    ]
    assert kinds.index("RoleBinding") < kinds.index("Role")
    assert kinds.index("ClusterRoleBinding") < kinds.index("ClusterRole")


@pytest.mark.parametrize("type_", COMPONENT_TYPES)
def test_bodies_are_json_and_the_same_each_time(type_):
    bodies = [
        json.dumps([child.body for child in desired(component(type_, labels=labels), ())])
        for labels in ({"a": "1", "b": "2"}, {"b": "2", "a": "1"})
    ]
    assert bodies[0] == bodies[1]


@pytest.mark.parametrize("type_", COMPONENT_TYPES)
def test_every_child_carries_the_copied_labels_and_ours(type_):
    theirs = {"team": "blue", "secret/x": "y", "app.kubernetes.io/instance": "helm"}
    for child in desired(component(type_, labels=theirs), ("secret/*",)):
        labels = {**SELECTOR, "app.kubernetes.io/managed-by": "falco-operator", "team": "blue"}
        if not child.ref.namespace:
            del labels["app.kubernetes.io/instance"]
        assert child.body["metadata"]["labels"] == labels


def test_pods_and_service_go_by_name_and_instance():
    made = children(component(labels={"team": "blue"}))
    spec = made["Deployment"].body["spec"]
    assert spec["selector"] == {"matchLabels": SELECTOR}
    assert made["Service"].body["spec"]["selector"] == SELECTOR
    assert spec["template"]["metadata"]["labels"] == {
        "team": "blue",
        **SELECTOR,
        "app.kubernetes.io/managed-by": "falco-operator",
        "instance.falcosecurity.dev/owner-kind": "Component",
    }
    assert spec["template"]["spec"]["serviceAccountName"] == "side"


@pytest.mark.parametrize(
    ("type_", "given", "replicas"),
    [
        ("falcosidekick", None, 2),
        ("metacollector", None, 1),
        ("falcosidekick", 1, 1),
        ("metacollector", 3, 3),
    ],
)
def test_replicas_are_always_ours_and_of_the_type_if_not_given(type_, given, replicas):
    assert deployment(type_=type_, replicas=given)["replicas"] == replicas


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (
            None,
            {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"},
            },
        ),
        ({"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}, {"type": "Recreate"}),
    ],
)
def test_strategy(given, wanted):
    assert deployment(strategy=given)["strategy"] == wanted


@pytest.mark.parametrize(
    ("version", "template", "image"),
    [
        (None, None, "docker.io/falcosecurity/falcosidekick:2.32.0"),
        ("2.31.0", None, "docker.io/falcosecurity/falcosidekick:2.31.0"),
        (DIGEST, None, f"docker.io/falcosecurity/falcosidekick@{DIGEST}"),
        ("2.31.0", with_image("host:5000/side:2.30.0"), "host:5000/side:2.30.0"),
        ("2.31.0", with_image("host:5000/side"), "host:5000/side:2.31.0"),
        (None, with_image(f"host:5000/side@{DIGEST}"), f"host:5000/side@{DIGEST}"),
    ],
)
def test_the_version_is_of_the_template_else_of_the_spec_else_built_in(version, template, image):
    spec = deployment(version=version, pod_template_spec=template)
    assert spec["template"]["spec"]["containers"][0]["image"] == image


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"version": "not a tag!"}, "spec.component.version"),
        (
            {"pod_template_spec": with_image("not an image!")},
            "spec.podTemplateSpec.spec.containers[name=falcosidekick].image",
        ),
        ({"type_": "of-a-newer-crd"}, "spec.component.type"),
    ],
)
def test_what_cannot_be_carried_out_is_refused_and_still_has_a_status(spec, field):
    resource = component(**spec)
    with pytest.raises(InvalidSpec) as error:
        desired(resource, ())
    assert error.value.field == field
    assert main_workload(resource).kind == "Deployment"
    assert status(resource, Outcome(), None, NOW)["resourceType"] == "Deployment"


def test_a_template_customises_the_pod_but_not_what_we_find_it_by():
    template = {
        "metadata": {"labels": {"app.kubernetes.io/name": "mine", "x": "y"}, "annotations": {}},
        "spec": {
            "nodeSelector": {"a": "b"},
            "containers": [
                {"name": "falcosidekick", "env": [{"name": "DEBUG", "value": "true"}]},
                {"name": "beside", "image": "example.com/beside"},
            ],
        },
    }
    plain = deployment()["template"]["spec"]
    result = deployment(pod_template_spec=template)["template"]
    assert result["metadata"]["labels"]["app.kubernetes.io/name"] == "side"
    assert result["metadata"]["labels"]["x"] == "y"
    assert result["spec"]["nodeSelector"] == {"a": "b"}
    assert result["spec"]["securityContext"] == plain["securityContext"]
    assert result["spec"]["containers"] == [
        {**plain["containers"][0], "env": [{"name": "DEBUG", "value": "true"}]},
        {"name": "beside", "image": "example.com/beside", "imagePullPolicy": "Always"},
    ]


def live(image="host/side:2.31.0", available=1):
    return {
        "metadata": {"generation": 1},
        "spec": {
            "replicas": 2,
            "template": {"spec": {"containers": [{"name": "falcosidekick", "image": image}]}},
        },
        "status": {
            "observedGeneration": 1,
            "replicas": 2,
            "updatedReplicas": 2,
            "availableReplicas": available,
            "unavailableReplicas": 2 - available,
        },
    }


def test_status_says_what_runs_and_how_much_of_it():
    created = Outcome(created=(ref("Deployment"),))
    actual = status(component(version="2.32.0"), created, live(), NOW)
    [reconciled, available] = actual.pop("conditions")
    assert actual == {
        "resourceType": "Deployment",
        "version": "→ 2.31.0",
        "desiredReplicas": 2,
        "availableReplicas": 1,
        "unavailableReplicas": 1,
        "observedGeneration": 4,
    }
    assert (reconciled["status"], reconciled["reason"]) == ("True", "ResourceCreated")
    assert (available["status"], available["reason"]) == ("False", "DeploymentUnavailable")


@pytest.mark.parametrize("type_", COMPONENT_TYPES)
def test_what_a_user_leaves_empty_in_the_template_is_the_default(type_):
    defaults = desired(component(type_), ())
    template = defaults[-1].body["spec"]["template"]
    assert normalized(template) == template
    container = {"name": type_, "image": "", "livenessProbe": {"periodSeconds": 0}}
    empty = {"spec": {"serviceAccountName": "", "containers": [container]}}
    assert desired(component(type_, pod_template_spec=empty), ()) == defaults
