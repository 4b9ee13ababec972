"""A CRD that is not installed, as after an upgrade with Helm, stops the actors of no other kind."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local import ControlPlane
from deploy.local.target import ALL_BUT_OPERATOR, INSTALL
from tests.api import Api, manifest
from tests.e2e.falcos import Falcos, condition
from tests.eventually import eventually
from tests.operator_process import OperatorProcess, operator_kubeconfig

PROGRAM = Path(sys.executable).with_name("kubectl-falco")
CODE = "FAL1001"


def named(cluster, namespace):
    """What `kubectl falco status` finds: code and object."""
    command = [PROGRAM, "status", "-n", namespace, "--kubeconfig", cluster.kubeconfig, "-o", "json"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    items = json.loads(ended.stdout)["items"]
    return [f"{one['code']} {one['resource']}" for one in items if one["kind"] == "Finding"]


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    """A control plane whose CRDs may be deleted, with an operator that starts without one."""
    directory = tmp_path_factory.mktemp("missing-crd")
    with ControlPlane(directory, nodes=0, controllers=False) as cluster:
        cluster.apply_crds([INSTALL], ALL_BUT_OPERATOR)
        yield cluster, OperatorProcess(operator_kubeconfig(cluster, directory), directory)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("nodereports.artifact.falcosecurity.dev", "NodeReport"),
     ("plugins.artifact.falcosecurity.dev", "Plugin"),
     ("components.instance.falcosecurity.dev", "Component")],
)  # fmt: skip
def test_falcos_and_artifacts_go_on_without_one_crd_and_it_is_taken_up_later(plane, name, kind):
    cluster, operator = plane
    api, namespace = Api(cluster), f"without-{kind.lower()}"
    api.create(manifest("Namespace", "", namespace))
    cluster.kubectl("delete", "crd", name)
    with operator:
        operator.start()
        status, text = operator.answer("Health", "/readyz")
        assert (status, text) == (200, f"ok\nmissing CRDs, to be applied: {name}\n")
        assert operator.samples()["crd_missing"] == {(kind,): 1}
        assert operator.log.read_text().count(f"the CRD of {kind} is missing") == 1
        assert f"{CODE} CustomResourceDefinition/{name}" in named(cluster, namespace)
        Falcos(api, namespace).create("falco")
        rules = manifest("Rulesfile", namespace, "rules", spec={"inlineRules": []})
        api.create(rules)
        Falcos(api, namespace).becomes("falco", Reconciled="True")
        eventually(lambda: condition(api.get("Rulesfile", namespace, "rules"), "ResolvedRefs"))
        cluster.apply_crds([Path("crds") / f"{name}.yaml"])
        eventually(lambda: operator.answer("Health", "/readyz") == (200, "ok\n"), within=60)
        assert operator.samples().get("crd_missing", {}) == {}
        if kind == "Component":
            spec = {"component": {"type": "metacollector", "version": "0.1.1"}}
            api.create(manifest("Component", namespace, "late", spec=spec))
            eventually(lambda: condition(api.get("Component", namespace, "late"), "Reconciled"))
