"""The memory limit of the sidecar's container, in a cgroup as the kubelet makes one."""

import os

import pytest

from deploy.local import ControlPlane, Registry
from deploy.local.target import ALL_BUT_OPERATOR, INSTALL
from resources.configuration.base import base_config
from resources.falco.pod import _EXACT_RESOURCES, _SIDECAR_RESOURCES
from resources.kubernetes import quantity
from tests.bench.memory_limit import MemoryLimit
from tests.bench.test_sidecar_bench import (
    MEBIBYTE,
    NAMESPACE,
    OPTIMISED,
    Plane,
    publish,
    tell,
)
from tests.e2e.costs import rule
from tests.e2e.fleet import from_registry
from tests.eventually import eventually
from tests.operator_process import OperatorProcess, operator_kubeconfig

pytestmark = pytest.mark.bench

# As many as the official rules have, and longer; with Falco's own loader, which compiles all
# before anew with each file, fewer, so that its dry runs give an answer in time.
RULES = {"own check": 90, "with dry runs": 20}


@pytest.fixture
def plane(tmp_path):
    with ControlPlane(tmp_path / "plane", nodes=0, controllers=False) as cluster:
        cluster.apply_crds([INSTALL], ALL_BUT_OPERATOR)
        with OperatorProcess(operator_kubeconfig(cluster, tmp_path), tmp_path) as operator:
            yield Plane(cluster, tmp_path, operator)


def long_rule(name):
    condition = " or ".join(f"proc.name = program-{number}" for number in range(60))
    return rule(name, "it happened") | {"condition": f"evt.type = execve and ({condition})"}


@pytest.mark.parametrize(
    ("check", "resources"),
    [("own check", _SIDECAR_RESOURCES), ("with dry runs", _EXACT_RESOURCES)],
)
def test_it_holds_with_twenty_artifacts_and_a_pull(plane, tmp_path, check, resources):
    """Sixteen Rulesfiles, three Configs, and a library of 50 MiB, which is none to Falco."""
    limit = MemoryLimit(int(quantity.parse(resources["limits"]["memory"]) or 0))
    if not limit.is_possible:
        pytest.skip("no memory cgroup can be made here")
    is_exact = resources is _EXACT_RESOURCES
    if is_exact and "FALCO_ROOT" not in os.environ:
        pytest.skip("FALCO_ROOT names no directory with a real Falco (README.md)")
    flags = [f"--falco-image={os.environ.get('FALCO_ROOT')}"] if is_exact else []
    for number in range(16):
        rules = [long_rule(f"rule {number} {one}") for one in range(RULES[check])]
        plane.apply("Rulesfile", f"rules-{number:02}", inlineRules=rules)
    for number in range(3):
        plane.apply("Config", f"config-{number}", config={"outputs_queue": {"capacity": number}})
    node = plane.sidecar("limited", OPTIMISED, flags)
    (node.root / "etc/falco/falco.yaml").write_text(base_config("DaemonSet", "0.44.1"))
    with Registry(tmp_path / "registry") as registry, limit:
        digest = publish(registry)
        with limit.entered():
            node.launch()
        with node:
            pid = node.pid
            eventually(lambda: len(node.rules()) == 16, within=120)
            size = sum(len(text) for text in node.rules().values())
            plane.apply("Plugin", "large", **from_registry(registry, digest, "falco/large"))
            state = "Failed" if is_exact else "Programmed"
            eventually(lambda: reported(plane).get("large") == state, within=120)
            rules = [long_rule(f"rule 0 {one} again") for one in range(RULES[check])]
            plane.apply("Rulesfile", "rules-00", inlineRules=rules)
            eventually(lambda: any("again" in text for text in node.rules().values()), within=120)
            assert node.pid == pid
            assert node.running
            tell(
                f"{check}: limit of {limit.limit >> 20} MiB, {size >> 10} KiB of rules",
                private=round(limit.most_private / MEBIBYTE, 1),
                killed=limit.kills,
            )
            assert limit.kills == 0
            assert limit.most_private < limit.limit * 3 / 4


def reported(plane):
    found = plane.api.get("NodeReport", NAMESPACE, "limited") or {}
    return {artifact["name"]: artifact["state"] for artifact in found.get("artifacts", [])}
