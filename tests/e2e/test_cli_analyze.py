"""`kubectl falco analyze` of a cluster: its artifacts, and files over them."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.api import manifest
from tests.cli.analyze.test_analysis import BAD_RULE, RULE

PROGRAM = Path(sys.executable).with_name("kubectl-falco")
MACRO = [{"macro": "mine", "condition": "proc.pid > 1"}]
USES = RULE.replace("condition: ", "condition: mine and ")


@pytest.fixture
def analyze(cluster, namespace):
    """The exit code and the output, as the administrator."""

    def run(*arguments, text="", kubeconfig=cluster.kubeconfig):
        command = [PROGRAM, "analyze", "-n", namespace, "--kubeconfig", kubeconfig, *arguments]
        ended = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        return ended.returncode, ended.stdout, ended.stderr

    return run


@pytest.fixture
def rulesfile(api, namespace):
    """Makes a Rulesfile of the namespace."""

    def make(name, **spec):
        return api.create(manifest("Rulesfile", namespace, name, spec=spec))

    return make


def test_the_artifacts_of_a_namespace_are_checked_together(api, namespace, analyze, rulesfile):
    assert analyze() == (0, "", "0 checked: nothing of Falco's is there\n")
    rulesfile("a-macros", inlineRules=MACRO, priority=10)
    api.create(manifest("ConfigMap", namespace, "rules", data={"rules.yaml": USES, "other": "x"}))
    rulesfile("from-config-map", configMapRef={"name": "rules"})
    assert analyze() == (0, "", "2 checked: all is well\n")
    api.delete("Rulesfile", namespace, "a-macros")
    ended, told, _ = analyze()
    assert ended == 1
    assert told.startswith(f"cluster/ConfigMap/{namespace}/rules:")
    assert "FAL0101" in told
    assert "mine" in told


def test_files_are_over_the_cluster_as_if_they_were_applied(namespace, analyze, rulesfile):
    rulesfile("a-macros", inlineRules=MACRO)
    rulesfile("user", inlineRules=USES)
    assert analyze()[0] == 0
    head = "apiVersion: artifact.falcosecurity.dev/v1alpha1\nkind: Rulesfile\nmetadata:\n"
    over = f"{head}  name: a-macros\nspec:\n  inlineRules: []\n"
    ended, told, _ = analyze("-f", "-", text=over)
    assert ended == 1
    assert f"Rulesfile/{namespace}/user: " in told
    fixed = f"{head}  name: user\nspec:\n  inlineRules:\n{textwrap.indent(BAD_RULE, '    ')}"
    ended, told, said = analyze("-f", "-", text=fixed)
    assert ended == 1
    assert f"-:7: error FAL0101: Rulesfile/{namespace}/user: " in told
    assert "2 checked" in said


def test_the_release_is_that_of_the_falcos_of_the_cluster(api, namespace, analyze):
    config = {"config": {"capture": {"enabled": True}}}
    api.create(manifest("Config", namespace, "capture", spec=config))
    assert analyze()[0] == 0
    api.create(manifest("Falco", namespace, "old", spec={"version": "0.40.0"}))
    told = analyze("--failure-threshold", "info")
    assert told[0] == 1
    assert told[1].startswith(f"cluster/Config/{namespace}/capture:")


def test_who_may_read_no_artifact_is_told_so_and_not_that_all_is_well(
    cluster, api, namespace, analyze, tmp_path
):
    api.create(manifest("ServiceAccount", namespace, "nobody"))
    path = cluster.service_account_kubeconfig(namespace, "nobody", tmp_path / "nobody.kubeconfig")
    ended, told, said = analyze(kubeconfig=path)
    assert (ended, told) == (2, "")
    assert f"rulesfiles in namespace {namespace} could not be read: you may not\n" in said


def test_without_files_and_without_a_cluster_there_is_nothing_to_tell():
    ended = subprocess.run([PROGRAM, "analyze"], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert (
        ended.stderr == "Error: nothing is given: -f for files; -n, -A or --context for a cluster\n"
    )
