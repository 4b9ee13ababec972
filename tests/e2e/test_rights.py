"""The operator may do what it does and no more: the audit log of all these tests says so."""

import pytest

from deploy.local import ControlPlane
from deploy.local.target import ALL_BUT_OPERATOR, INSTALL
from deploy.operator_role import held_rules, used_rules
from resources.kubernetes.kinds import INSTANCES, KINDS
from tests.api import Api, manifest
from tests.audit import OPERATOR
from tests.e2e.falcos import Falcos, condition
from tests.eventually import eventually
from tests.operator_process import OperatorProcess, operator_kubeconfig
from tests.rights import rights

ROLES = {"ClusterRole": "", "Role": "falco-operator"}
# No request needs them: an admission plugin asks for them, as a test below shows.
ASKED_BY_ADMISSION = {
    (KINDS[kind].group, f"{KINDS[kind].plural}/finalizers", "update") for kind in INSTANCES
}
# The operator may grant to pods only what it has itself.
HELD_TO_BE_GRANTED = rights(held_rules()) - rights(used_rules())


@pytest.mark.usefixtures("whole_run")
def test_no_request_was_denied_but_where_a_test_wants_it_so(audit):
    assert not audit.denied()


@pytest.mark.usefixtures("whole_run")
def test_every_right_was_used_but_for_those_that_are_there_for_another_reason(api, audit):
    roles = (api.get(kind, namespace, "falco-operator") for kind, namespace in ROLES.items())
    granted = rights(rule for role in roles for rule in role["rules"])
    allowed = [request for request in audit.since(0) if not request.is_denied]
    used = {right for request in allowed for right in request.rights}
    assert granted - used == HELD_TO_BE_GRANTED | ASKED_BY_ADMISSION


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
