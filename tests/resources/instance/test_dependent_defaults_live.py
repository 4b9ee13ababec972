"""A workload is what its spec says, whatever the spec has said before."""

import copy
from itertools import pairwise, product
from uuid import uuid4

import pytest

from resources.falco.desired import FalcoSettings, desired
from resources.falco.spec import Falco, FalcoSpec
from resources.kubernetes.merge_shapes import PROBE_HANDLERS
from resources.kubernetes.meta import ObjectMeta
from tests.resources.live import apply

DIGEST = "sha256:" + "0" * 64
NOWHERE = {"nodeSelector": {"no": "node"}}


def falco(**fields):
    return {"containers": [{"name": "falco", **fields}]}


def volume(name, **source):
    return {"volumes": [{"name": name, **source}]}


EXEC = {"exec": {"command": ["true"]}}
HTTP = {"httpGet": {"path": "/", "port": 1}}
# In each group, every spec comes once after every other one.
GROUPS = {
    "images": [
        {},
        falco(image="falco:latest"),
        falco(image="falco:1"),
        falco(image=f"falco:latest@{DIGEST}"),
        falco(imagePullPolicy="Never"),
    ],
    "containers": [
        {},
        {"containers": [{"name": "more", "image": "more:1"}]},
        {"containers": [{"name": "more", "image": "more"}]},
    ],
    "handlers": [
        {},
        falco(livenessProbe=EXEC, lifecycle={"preStop": EXEC}),
        falco(livenessProbe={"tcpSocket": {"port": 1}}, lifecycle={"preStop": HTTP}),
        falco(livenessProbe={"grpc": {"port": 1}}),
    ],
    "sources": [
        volume("more"),
        volume("more", configMap={"name": "x"}),
        volume("more", secret={"secretName": "x"}),
    ],
    "images as volumes": [
        {},
        volume("dev-fs", image={"reference": "x:1"}),
        volume("dev-fs", image={"reference": "x"}),
        volume("dev-fs", emptyDir={}),
    ],
}


@pytest.fixture
def name(control_plane):
    made = f"history-{uuid4().hex[:8]}"
    yield made
    control_plane.kubectl("delete", "daemonset", made, "--ignore-not-found")


def daemon_set(name, spec):
    template = {"spec": {**NOWHERE, **spec}}
    resource = Falco(
        metadata=ObjectMeta(name=name, namespace="default", uid="unused"),
        spec=FalcoSpec(pod_template_spec=template, update_strategy={"type": "OnDelete"}),
    )
    settings = FalcoSettings(sidecar_image="host:5000/artifact-operator:1")
    body = copy.deepcopy(desired(resource, settings)[-1].body)
    del body["metadata"]["ownerReferences"]
    return body


@pytest.mark.parametrize("specs", GROUPS.values(), ids=GROUPS)
def test_a_template_is_the_same_after_every_other_one(control_plane, name, specs):
    fresh = []
    for spec in specs:
        status, made = apply(control_plane, daemon_set(name, spec), dryRun="All")
        assert status == 201, made["message"]
        fresh.append(made["spec"]["template"])
    numbers = range(len(specs))
    for before, after in pairwise(each for pair in product(numbers, numbers) for each in pair):
        status, changed = apply(control_plane, daemon_set(name, specs[after]))
        assert status in (200, 201), (specs[before], specs[after], changed["message"])
        assert changed["spec"]["template"] == fresh[after], (specs[before], specs[after])


def test_the_handlers_of_a_probe_are_all_that_exclude_each_other(control_plane):
    document = control_plane.client.call("GET", "/openapi/v3/api/v1")
    properties = document["components"]["schemas"]["io.k8s.api.core.v1.Probe"]["properties"]
    assert {name for name, field in properties.items() if "allOf" in field} == PROBE_HANDLERS
