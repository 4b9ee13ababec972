"""`kubectl falco diff` tells what the operator then does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.eventually import eventually

PROGRAM = Path(sys.executable).with_name("kubectl-falco")
FALCO = """\
apiVersion: instance.falcosecurity.dev/v1alpha1
kind: Falco
metadata: {{name: falco}}
spec:
  version: {version}
  podTemplateSpec:
    spec:
      containers:
      - name: falco
        env: [{{name: API_TOKEN, value: {token}}}]
"""


@pytest.fixture
def diff(cluster, namespace):
    """The exit code and the output for a manifest, as the administrator."""

    def run(text, *arguments):
        command = [PROGRAM, "diff", "-f", "-", "-n", namespace, "--kubeconfig", cluster.kubeconfig]
        ended = subprocess.run(
            [*command, *arguments], input=text, capture_output=True, text=True, check=False
        )
        return ended.returncode, ended.stdout, ended.stderr

    return run


def falco(version="0.44.1", token="first"):
    return FALCO.format(version=version, token=token)


def apply(cluster, namespace, text):
    cluster.kubectl("apply", "--server-side", "-n", namespace, "--filename=-", input=text)


def test_what_is_told_is_what_the_operator_does(cluster, namespace, falcos, diff):
    ended, told, _ = diff(falco())
    assert ended == 1
    assert f"+++ files/DaemonSet/{namespace}/falco" in told
    assert "--- cluster/" not in told
    apply(cluster, namespace, falco())
    falcos.becomes("falco", Reconciled="True", Available="True")
    # What the API server has added, and the DaemonSet controller, is no difference.
    assert diff(falco())[:2] == (0, "")
    ended, told, said = diff(falco("0.43.0"))
    assert ended == 1
    assert "+        image: docker.io/falcosecurity/falco:0.43.0" in told
    assert "dnsPolicy" not in told
    assert "the operator's flags are not to be seen" in said
    apply(cluster, namespace, falco("0.43.0"))
    eventually(lambda: diff(falco("0.43.0"))[0] == 0)
    ended, told, _ = diff(falco("0.43.0", "second"))
    assert ended == 1
    assert "name: API_TOKEN" in told
    assert not {"first", "second"} & set(told.split())
    ended, told, _ = diff(falco("0.43.0") + "  type: Deployment\n")
    assert f"--- cluster/DaemonSet/{namespace}/falco\n+++ /dev/null" in told
    assert f"--- /dev/null\n+++ files/Deployment/{namespace}/falco" in told


def test_the_names_that_artifacts_have_are_those_of_the_files_and_the_cluster(
    cluster, namespace, falcos, diff
):
    apply(cluster, namespace, falco())
    falcos.becomes("falco", Reconciled="True")
    rules = """---
apiVersion: artifact.falcosecurity.dev/v1alpha1
kind: Rulesfile
metadata: {name: mine}
spec: {configMapRef: {name: rules}}
"""
    _, told, _ = diff(falco() + rules)
    assert told.startswith(f"--- cluster/Role/{namespace}/falco")
    assert "+  - rules" in told
    apply(cluster, namespace, falco() + rules)
    eventually(lambda: diff(falco())[0] == 0)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (falco("not a version!"), "spec.version"),
        ("kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\n", "neither a Falco nor"),
        ("kind: [", "did not find"),
    ],
)
def test_what_cannot_be_told_is_no_difference(diff, text, why):
    ended, told, said = diff(text)
    assert (ended, told) == (2, "")
    assert why in said
