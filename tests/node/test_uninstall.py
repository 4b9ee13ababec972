"""The README's order of an uninstall leaves nothing."""

import pytest

from deploy.local.target import INSTALL
from resources.kubernetes.kinds import CHILD_KINDS
from tests.eventually import eventually

pytestmark = pytest.mark.node

OURS = "app.kubernetes.io/managed-by=falco-operator"
EVERYTHING = "falcos,components,rulesfiles,plugins,configs"


def test_what_is_removed_in_the_order_of_the_readme_leaves_nothing(installed):
    namespace = installed.namespace("uninstall")
    namespace.quick("falco", type="Deployment")
    namespace.apply("Config", "settings", config={"json_output": True})
    namespace.available("falco")
    installed.run("delete", EVERYTHING, "--all", "--all-namespaces", "--timeout=60s")
    installed.run("delete", f"--filename={INSTALL}", "--timeout=90s")
    ours = [(kind, OURS) for kind in CHILD_KINDS]
    eventually(lambda: not any(installed.api.list(k, selector=s) for k, s in ours), within=60)
    namespace.gone("falco")
    crds = installed.run("get", "crds", "--output=name")
    assert "falcosecurity" not in crds
    assert installed.api.get("Namespace", "", "falco-operator") is None
