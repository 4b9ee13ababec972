"""No workload with a generated pod template needs another write after its first; nothing is stored.

What is left to write is computed from the answer alone, as an operator does after a restart.
"""

import copy
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings

from resources.falco.desired import FalcoSettings, desired
from resources.falco.spec import Falco, FalcoSpec
from resources.kubernetes.managed_fields import differences
from resources.kubernetes.meta import ObjectMeta
from tests.resources.kubernetes.scalar_fields import scalar_fields
from tests.resources.kubernetes.templates import templates
from tests.resources.live import MANAGER, apply
from tests.sampled import examples

META = ObjectMeta(name="settled", namespace="default", uid="unused")
BUNDLE = {"clusterTrustBundle": {"path": "b", "signerName": "a.example/b"}}
CERTIFICATE = {
    "podCertificate": {
        "signerName": "a.example/b",
        "keyType": "ED25519",
        "credentialBundlePath": "c",
    }
}
TOKEN = {"serviceAccountToken": {"path": "t"}}


def volume(*sources):
    return {"spec": {"volumes": [{"name": "c", "projected": {"sources": [*sources]}}]}}


# Fields that this API server drops, for their feature gates are off.
GATED = {
    "stopSignal": {
        "spec": {"containers": [{"name": "falco", "lifecycle": {"stopSignal": "SIGUSR1"}}]}
    },
    "schedulingGroup": {"spec": {"schedulingGroup": {"podGroupName": "x"}}},
    "podCertificate": volume(TOKEN, CERTIFICATE),
    "clusterTrustBundle": volume(BUNDLE, TOKEN),
}


def wanted(template, type_="DaemonSet"):
    spec = FalcoSpec(type=type_, pod_template_spec=template)
    body = copy.deepcopy(desired(Falco(metadata=META, spec=spec), FalcoSettings())[-1].body)
    del body["metadata"]["ownerReferences"]
    return body


def left(control_plane, template, type_="DaemonSet"):
    """What stays different after an apply, None if the API server refuses it."""
    body = wanted(template, type_)
    status, live = apply(control_plane, body, dryRun="All")
    return differences(body, live, MANAGER) if status == 201 else None


def to_write(control_plane, template, type_="DaemonSet"):
    found = left(control_plane, template, type_)
    return None if found is None else [each for each in found if each.kind != "dropped"]


def placed(template):
    """The template as a user's of a Falco: about its container, and with the volume it mounts."""
    mine = copy.deepcopy(template)
    for container in mine.get("spec", {}).get("containers", []):
        container["name"] = "falco"
        if "volumeMounts" in container:
            mine["spec"].setdefault("volumes", [{"name": "x", "emptyDir": {}}])
    return mine


@examples(150, 10_000)
def test_no_scalar_field_needs_another_write(control_plane, examples):
    schemas = control_plane.client.call("GET", "/openapi/v3/apis/apps/v1")["components"]["schemas"]
    # A pull secret without a name is refused by our own schema.
    fields = [field for field in scalar_fields(schemas) if "imagePullSecrets" not in field.path]
    cases = [(field.path, case) for field in fields for case in (field.absent, field.zero)]
    seen: Counter[bool] = Counter()
    for path, template in cases[:: max(1, len(cases) // examples)]:
        found = to_write(control_plane, placed(template))
        assert not found, path
        seen[found is None] += 1
    assert seen[False] > seen[True]


@examples(20, 300)
@pytest.mark.parametrize("type_", ["DaemonSet", "Deployment"])
def test_no_generated_template_needs_another_write(control_plane, examples, type_):
    seen: Counter[bool] = Counter()

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(templates())
    def check(template):
        found = to_write(control_plane, template, type_)
        assert not found
        seen[found is None] += 1

    check()
    assert seen[False] > examples // 4


@pytest.mark.parametrize("template", GATED.values(), ids=GATED)
def test_what_the_api_server_drops_is_told_from_what_is_to_be_written(control_plane, template):
    found = left(control_plane, template)
    assert found
    assert {each.kind for each in found} == {"dropped"}


def test_another_source_in_the_place_of_a_dropped_one_is_to_be_written(control_plane):
    before = wanted(volume(CERTIFICATE))
    status, live = apply(control_plane, before, dryRun="All")
    assert status == 201
    [found] = differences(wanted(volume(TOKEN)), live, MANAGER)
    assert found.kind == "changed"
