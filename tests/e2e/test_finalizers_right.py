"""The operator's right to finalizers, which no request of its own needs."""

import pytest

from deploy.local.control_plane import ControlPlane
from deploy.local.target import ALL_BUT_OPERATOR, INSTALL
from tests.api import Api, manifest
from tests.audit import OPERATOR
from tests.e2e.falcos import Falcos, condition
from tests.eventually import eventually
from tests.operator_process import OperatorProcess, operator_kubeconfig


@pytest.fixture
def strict(tmp_path):
    """An API server that guards who may block the deletion of an owner."""
    flag = "--enable-admission-plugins=OwnerReferencesPermissionEnforcement"
    with ControlPlane(tmp_path, nodes=0, controllers=False, api_server_flags=[flag]) as cluster:
        cluster.apply_crds([INSTALL], ALL_BUT_OPERATOR)
        yield cluster


def test_the_right_to_finalizers_is_what_an_admission_plugin_asks_for(strict, tmp_path):
    api = Api(strict)
    api.create(manifest("Namespace", "", "strict"))
    falcos = Falcos(api, "strict")
    with OperatorProcess(operator_kubeconfig(strict, tmp_path), tmp_path) as operator:
        operator.start()
        falcos.create("with")
        falcos.becomes("with", Reconciled="True")
        take_finalizers_away(strict, api)
        falcos.create("without")
        said = condition(falcos.becomes("without", Reconciled="False"), "Reconciled")
        assert "cannot set blockOwnerDeletion" in said["message"]


def take_finalizers_away(cluster, api):
    rules = api.get("ClusterRole", "", "falco-operator")["rules"]
    fewer = [rule for rule in rules if "falcos/finalizers" not in rule["resources"]]
    api.merge("ClusterRole", "", "falco-operator", {"rules": fewer})
    question = ("auth", "can-i", "update", "falcos", "--subresource=finalizers")
    whose = (f"--as={OPERATOR}", "--all-namespaces")
    eventually(lambda: cluster.kubectl(*question, *whose, check=False).stdout.strip() == "no")
