"""The comparison of managed fields against the API server's own bookkeeping."""

import copy
import json
from uuid import uuid4

import msgspec
import pytest

from resources.falco.desired import FalcoSettings, desired
from resources.falco.spec import Falco, FalcoSpec
from resources.kubernetes.kinds import object_path
from resources.kubernetes.managed_fields import differences
from resources.kubernetes.meta import ObjectMeta
from resources.registry.table_reader import read_table
from tests.resources.live import MANAGER, apply, patch

LABELS = {"team": "blue", "helm.sh/chart": "x"}


@pytest.fixture
def falco(control_plane, request):
    """A stored Falco of the wanted type, without an operator; its children go with it."""
    control_plane.apply_crds(["crds/"])
    kind, name = request.param, f"ownership-{uuid4()}"
    manifest = {
        "apiVersion": "instance.falcosecurity.dev/v1alpha1",
        "kind": "Falco",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"type": kind},
    }
    _, stored = apply(control_plane, manifest, "test")
    meta = ObjectMeta(name=name, namespace="default", uid=stored["metadata"]["uid"], labels=LABELS)
    yield Falco(metadata=meta, spec=FalcoSpec(type=kind))
    control_plane.kubectl("delete", "falco", name)
    for cluster_scoped in ("clusterrole", "clusterrolebinding"):
        control_plane.kubectl("delete", cluster_scoped, f"{name}--default", "--ignore-not-found")


both = pytest.mark.parametrize("falco", ["DaemonSet", "Deployment"], indirect=True)
deployment_only = pytest.mark.parametrize("falco", ["Deployment"], indirect=True)


def workload(falco, **spec):
    changed = msgspec.structs.replace(falco, spec=msgspec.structs.replace(falco.spec, **spec))
    return desired(changed, FalcoSettings())[-1]


@both
@pytest.mark.parametrize("registries", [None, read_table(b"proxy: http://a:1")])
def test_no_child_that_was_applied_by_kubectl_needs_another_write(control_plane, falco, registries):
    for child in desired(falco, FalcoSettings(registries=registries)):
        control_plane.kubectl(
            "apply",
            "--server-side",
            f"--field-manager={MANAGER}",
            "-f",
            "-",
            input=json.dumps(child.body),
        )
        live = json.loads(
            control_plane.kubectl(
                "get",
                child.ref.kind,
                child.ref.name,
                *(["-n", child.ref.namespace] if child.ref.namespace else []),
                "-o",
                "json",
                "--show-managed-fields",
            ).stdout
        )
        assert differences(child.body, live, MANAGER) == ()
        _, again = apply(control_plane, child.body)
        # Controllers write the status of a workload meanwhile, and with it the resourceVersion.
        written = "generation" if "generation" in live["metadata"] else "resourceVersion"
        assert again["metadata"][written] == live["metadata"][written]


@pytest.mark.parametrize(
    ("falco", "field", "other"),
    [("DaemonSet", "update_strategy", "OnDelete"), ("Deployment", "strategy", "Recreate")],
    indirect=["falco"],
)
def test_every_change_of_strategy_is_accepted_and_settles(control_plane, falco, field, other):
    for given in (None, {"type": other}, {"rollingUpdate": {"maxUnavailable": 2}}, {"type": other}):
        child = workload(falco, **{field: given})
        status, live = apply(control_plane, child.body)
        assert status in (200, 201), live["message"]
        assert differences(child.body, live, MANAGER) == ()


def pod(body):
    return body["spec"]["template"]["spec"]


def remove_label(control_plane, child):
    body = {"metadata": {"labels": {"team": None}}}
    return patch(
        control_plane,
        object_path(child.ref),
        body,
        "application/merge-patch+json",
        fieldManager="edit",
    )


def force_image(control_plane, child):
    body = copy.deepcopy(child.body)
    body["metadata"] = {"name": child.ref.name, "namespace": child.ref.namespace}
    containers = [{"name": "falco", "image": "other:1"}]
    body["spec"] = {"template": {"spec": {"containers": containers}}}
    return apply(control_plane, body, "stranger")


def reorder_env(control_plane, child):
    body = copy.deepcopy(child.body)
    body["metadata"] = {"name": child.ref.name, "namespace": child.ref.namespace}
    env = [{"name": item["name"]} for item in reversed(pod(child.body)["containers"][0]["env"])]
    body["spec"] = {"template": {"spec": {"containers": [{"name": "falco", "env": env}]}}}
    return apply(control_plane, body, "stranger")


def empty_tolerations(control_plane, child):
    body = [{"op": "replace", "path": "/spec/template/spec/tolerations", "value": []}]
    return patch(
        control_plane,
        object_path(child.ref),
        body,
        "application/json-patch+json",
        fieldManager="edit",
    )


FALCO = "spec.template.spec.containers[name=falco]"


@deployment_only
@pytest.mark.parametrize(
    ("drift", "expected"),
    [
        (remove_label, ("metadata.labels.team", "missing", None)),
        (force_image, (f"{FALCO}.image", "changed", "stranger")),
        (reorder_env, (f"{FALCO}.env", "changed", None)),
        (empty_tolerations, ("spec.template.spec.tolerations", "missing", None)),
    ],
)
def test_drift_is_named_and_an_apply_ends_it(control_plane, falco, drift, expected):
    child = workload(falco)
    apply(control_plane, child.body)
    _, live = drift(control_plane, child)
    assert [tuple(result) for result in differences(child.body, live, MANAGER)] == [expected]
    _, live = apply(control_plane, child.body)
    assert differences(child.body, live, MANAGER) == ()


@deployment_only
def test_what_others_set_elsewhere_is_no_difference(control_plane, falco):
    child = workload(falco)
    apply(control_plane, child.body)
    body = {
        "metadata": {"annotations": {"a": "b"}, "labels": {"c": "d"}},
        "spec": {"replicas": 3, "template": {"spec": {"nodeSelector": {"e": "f"}}}},
    }
    _, live = patch(
        control_plane,
        object_path(child.ref),
        body,
        "application/merge-patch+json",
        fieldManager="edit",
    )
    assert live["spec"]["replicas"] == 3
    assert differences(child.body, live, MANAGER) == ()


ODD = {
    "spec": {
        "nodeSelector": {},
        "hostNetwork": False,
        "overhead": {},
        "hostAliases": [],
        "imagePullSecrets": [{"name": "s"}],
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "zone",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": {"a": "b"}},
            }
        ],
        "volumes": [
            {"name": "sized", "emptyDir": {"sizeLimit": "1024Mi"}},
            {
                "name": "projected",
                "projected": {
                    "sources": [
                        {"serviceAccountToken": {"path": "token"}},
                        {
                            "downwardAPI": {
                                "items": [{"path": "x", "fieldRef": {"fieldPath": "metadata.name"}}]
                            }
                        },
                    ]
                },
            },
        ],
        "containers": [
            {
                "name": "falco",
                "tty": False,
                "volumeDevices": [],
                "envFrom": [],
                "env": [
                    {"name": "EMPTY", "value": ""},
                    {
                        "name": "LIMIT",
                        "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}},
                    },
                ],
                "ports": [{"containerPort": 9000}, {"containerPort": 9000, "protocol": "UDP"}],
                "resources": {"requests": {"cpu": "0.5", "memory": "0.5Gi"}},
            }
        ],
    }
}


@deployment_only
def test_values_that_the_api_server_respells_or_drops_are_no_difference(control_plane, falco):
    child = workload(falco, pod_template_spec=ODD)
    status, live = apply(control_plane, child.body)
    assert status == 201
    assert differences(child.body, live, MANAGER) == ()
    plain = workload(falco)
    assert differences(plain.body, live, MANAGER)
    _, live = apply(control_plane, plain.body)
    assert differences(plain.body, live, MANAGER) == ()
