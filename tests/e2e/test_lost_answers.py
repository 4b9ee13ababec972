"""An operator whose connections are reset after the API server has carried out a write."""

import pytest
import yaml

from resources.kubernetes.kinds import ARTIFACTS, INSTANCES, KINDS
from tests.api import manifest
from tests.eventually import eventually
from tests.lossy_proxy import LossyProxy
from tests.operator_process import OperatorProcess, operator_kubeconfig

RULE = {"rule": "a", "desc": "a", "condition": "evt.type=open", "output": "a", "priority": "INFO"}
SPECS: dict[str, dict] = {
    "Falco": {},
    "Component": {"component": {"type": "falcosidekick"}},
    "Rulesfile": {"inlineRules": [RULE]},
    "Plugin": {"ociArtifact": {"image": {"repository": "falcosecurity/plugins/plugin/json"}}},
    "Config": {"config": {"log_level": "info"}},
}


@pytest.fixture
def proxy(cluster):
    with LossyProxy(cluster) as made:
        yield made


@pytest.fixture
def operator(cluster, proxy, tmp_path):
    """A running operator behind the proxy, ready."""
    kubeconfig = operator_kubeconfig(cluster, tmp_path)
    document = yaml.safe_load(kubeconfig.read_text())
    document["clusters"][0]["cluster"] = {"server": proxy.url}
    kubeconfig.write_text(yaml.safe_dump(document))
    with OperatorProcess(kubeconfig, tmp_path) as process:
        process.start()
        yield process


def test_each_resource_is_read_once_after_a_status_whose_answer_was_lost(api, proxy, namespace):
    assert set(SPECS) == {*INSTANCES, *ARTIFACTS}
    paths = {kind: f"/{namespace}/{KINDS[kind].plural}/it" for kind in SPECS}
    proxy.lose_once(*(("PATCH", f"{path}/status") for path in paths.values()))
    for kind, spec in SPECS.items():
        api.create(manifest(kind, namespace, "it", spec=spec))
    for kind, path in paths.items():
        eventually(lambda path=path: ("GET", 200) in proxy.about(path))
        eventually(lambda kind=kind: "conditions" in api.get(kind, namespace, "it")["status"])
    codes = [code for path in paths.values() for _, code in proxy.about(f"{path}/status")]
    assert all(code == 200 for code in codes), codes
    assert [proxy.about(path).count(("GET", 200)) for path in paths.values()] == [1] * len(paths)
