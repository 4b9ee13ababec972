"""What `kubectl falco` tells of actors that run in pods, through a kubelet's port-forward."""

import json
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from deploy.local.identities import NODE

pytestmark = pytest.mark.node

COMMAND = Path(sys.executable).with_name("kubectl-falco")


@pytest.fixture(scope="module")
def traced(namespace):
    """A Falco with rules, Available."""
    namespace.apply("Rulesfile", "mine", inlineRules=[{"macro": "m", "condition": "evt.num<0"}])
    namespace.quick("served")
    namespace.available("served")
    namespace.programmed("Rulesfile", "mine", within=90)
    return namespace


def options(namespace):
    return [f"--kubeconfig={namespace.kube.plane.kubeconfig}", f"--namespace={namespace.name}"]


def ask(namespace, *arguments):
    command = [COMMAND, *arguments, *options(namespace)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_operator_in_its_pod_tells_the_story_of_a_falco(traced):
    told = ask(traced, "trace", "falco/served", "--last=50")
    assert f"Falco/{traced.name}/served is " in told
    assert "Woken because " in told
    assert "wrote the status of Falco served" in told
    whole = json.loads(ask(traced, "trace", "falco", "served", "-o", "json"))
    assert whole["from"].startswith("the operator in pod falco-operator/")
    assert whole["items"]


def test_the_sidecar_in_its_pod_tells_the_story_of_a_rulesfile(traced):
    told = ask(traced, "trace", "rulesfile/mine", f"--node={NODE}")
    assert f"in the sidecar of pod {traced.name}/served-" in told
    assert "wants 50-03-mine-inline.yaml" in told
    listed = ask(traced, "actors", f"--pod={traced.pod('served')['metadata']['name']}")
    assert f"Rulesfile/{traced.name}/mine" in listed


def test_a_large_answer_comes_whole(traced, tmp_path):
    file = tmp_path / "trace.json"
    ask(traced, "trace", "falco/served", f"--perfetto={file}")
    assert json.loads(file.read_text())["traceEvents"]
    actors = json.loads(ask(traced, "actors", "--all-namespaces", "-o", "json"))["items"]
    assert {"router", f"Falco/{traced.name}/served"} <= {
        one.get("object") or one["name"] for one in actors
    }


def test_a_browser_gets_to_the_page(traced):
    command = [COMMAND, "dashboard", "--no-browser", *options(traced)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[0]
            with urlopen(url) as page:
                assert b"<html" in page.read()
        finally:
            process.terminate()
        assert process.wait(timeout=20) == 0
