"""`kubectl falco report` of a real cluster: what maintainers need, and no secret."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import yaml

from tests.api import manifest

PROGRAM = Path(sys.executable).with_name("kubectl-falco")
MARK = "hunter2-is-secret"


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=False)


def test_a_report_has_resources_and_findings_and_no_secret(
    cluster, api, namespace, falcos, tmp_path
):
    env = [{"name": "PLAIN", "value": MARK}]
    template = {"spec": {"containers": [{"name": "falco", "env": env}]}}
    falcos.create("falco", podTemplateSpec=template)
    falcos.becomes("falco", Reconciled="True", Available="True")
    api.create(manifest("Secret", namespace, "mine", stringData={"password": MARK}))
    api.create(manifest("ConfigMap", namespace, "rules", data={"rules.yaml": MARK}))
    api.create(manifest("Config", namespace, "output", spec={"config": {"http": {"url": MARK}}}))
    api.create(manifest("Rulesfile", namespace, "refs", spec={"configMapRef": {"name": "rules"}}))
    path = tmp_path / "report.zip"
    ended = run("report", "-n", namespace, "--file", path, "--kubeconfig", cluster.kubeconfig)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert path.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(path) as opened:
        found = {name.partition("/")[2]: opened.read(name).decode() for name in opened.namelist()}
    assert not [name for name, text in found.items() if MARK in text]
    [falco] = yaml.safe_load_all(found["resources/Falco.yaml"])
    assert falco["metadata"]["name"] == "falco"
    assert falco["status"]["conditions"][0]["type"] == "Reconciled"
    assert {"resources/DaemonSet.yaml", "resources/Pod.yaml", "resources/Config.yaml"} <= set(found)
    assert "resources/Secret.yaml" not in found
    assert "√ all CRDs are there and served" in found["check.txt"]
    assert "DaemonSet" in found["status.txt"]
    assert "ResourceCreated" in found["events.txt"]
    assert '"kubernetes": "1.' in found["versions.json"]
    told = found["left-out.txt"]
    assert "Secrets: their content is never read" in told
    assert "actors/operator.json: no operator runs" in told
    assert "values of variables (env): " in told
    assert "spec.config of Config: 1 removed" in told
    # Nobody plays the kubelet's logs here: that is said for each.
    assert f"logs/{namespace}/falco-" in told
    again = run("report", "-n", namespace, "--file", path, "--kubeconfig", cluster.kubeconfig)
    assert (again.returncode, "exists already" in again.stderr) == (2, True)
