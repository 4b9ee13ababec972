"""The table of registries on its way from the chart's value to a pod that runs."""

import json

import pytest
import yaml

from deploy.generate import CHART, ROOT, helm
from deploy.local.publisher import Repository, publish_rules
from deploy.local.target import INSTALL
from tests.eventually import eventually
from tests.node.kube import OPERATOR, OPERATOR_NAMESPACE, SIDECAR, container_status, restarts

pytestmark = pytest.mark.node

MAP = "falco-operator-registries"
# The kubelet looks at a mounted ConfigMap about once a minute: the operator's, then the sidecar's.
FOLLOWED_WITHIN = 300


def table(registry, *prefixes):
    """Each of these hosts, which do not exist, is found at the registry."""
    mirrors = [
        {"prefix": prefix, "locations": [f"{registry.address}/copies"], "skipFallback": True}
        for prefix in prefixes
    ]
    return {"mirrors": mirrors, "hosts": {registry.address: {"plainHTTP": True}}}


def uids(kube, namespace):
    """Which pods these are, and how often their containers were restarted."""
    return [
        (pod["metadata"]["uid"], restarts(pod, container))
        for pod, container in ((kube.of_operator(), OPERATOR), (namespace.pod("table"), SIDECAR))
    ]


def is_started(kube):
    container = container_status(kube.of_operator(), OPERATOR)
    flags = kube.of_operator()["spec"]["containers"][0]["args"]
    return container.get("ready") and any("--registry-config=" in flag for flag in flags)


def test_a_table_reaches_pods_and_a_change_of_it_replaces_none(
    installed, namespace, registry, figures
):
    target = Repository(registry.url)
    for name in ("one", "two"):
        publish_rules(target, f"copies/{name}", ["latest"], f"- list: {name}\n  items: [a]\n")
        image = {"repository": name, "tag": "latest"}
        source = {"image": image, "registry": {"name": f"{name}.example.test"}}
        namespace.apply("Rulesfile", name, ociArtifact=source)
    values = json.dumps(table(registry, "one.example.test"))
    chart = ("template", "falco-operator", ROOT / CHART, f"--namespace={OPERATOR_NAMESPACE}")
    text = helm(*chart, f"--set-json=registries={values}")
    installed.plane.kubectl("apply", "--server-side", "--filename=-", input=text)
    eventually(lambda: is_started(installed), within=90)
    namespace.quick("table", type="Deployment")
    namespace.available("table")
    namespace.programmed("Rulesfile", "one", within=90)

    before = uids(installed, namespace)
    data = {
        "registries.yaml": yaml.safe_dump(table(registry, "one.example.test", "two.example.test"))
    }
    with figures.took("change of the table of registries, until a Rulesfile is Programmed by it"):
        installed.api.merge("ConfigMap", OPERATOR_NAMESPACE, MAP, {"data": data})
        namespace.programmed("Rulesfile", "two", within=FOLLOWED_WITHIN)
    assert uids(installed, namespace) == before

    installed.plane.kubectl("apply", "--server-side", "--filename=-", input=INSTALL.read_text())
    eventually(lambda: not is_started(installed), within=90)
    installed.api.delete("ConfigMap", OPERATOR_NAMESPACE, MAP)
