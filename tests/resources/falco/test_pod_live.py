"""The default pods of a Falco against the API server's own Pod Security admission."""

from uuid import uuid4

import pytest

from resources.falco.pod import SIDECAR
from tests.resources.falco.test_pod import BOTH, SETTINGS, pod

ENFORCE = "pod-security.kubernetes.io/enforce"


@pytest.fixture
def restricted(control_plane):
    """A namespace that takes nothing but pods of the level `restricted`."""
    name = f"restricted-{uuid4().hex[:8]}"
    metadata = {"name": name, "labels": {ENFORCE: "restricted"}}
    control_plane.client.call("POST", "/api/v1/namespaces", {"metadata": metadata})
    account = f"/api/v1/namespaces/{name}/serviceaccounts"
    control_plane.client.call("POST", account, {"metadata": {"name": SETTINGS.name}})
    yield name
    control_plane.client.call("DELETE", f"/api/v1/namespaces/{name}")


@pytest.mark.parametrize("workload", BOTH)
def test_what_keeps_a_pod_out_of_a_restricted_namespace_is_never_the_sidecar(
    control_plane, restricted, workload
):
    path = f"/api/v1/namespaces/{restricted}/pods?dryRun=All"
    document = {"metadata": {"generateName": "falco-"}, "spec": pod(workload)}
    refusal = control_plane.client.request("POST", path, document).body.decode()
    assert "violates PodSecurity" in refusal
    assert SIDECAR not in refusal
