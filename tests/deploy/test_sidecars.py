"""The sidecars of local nodes follow their pods, as kubelets have it."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import psutil
import pytest
import yaml

from deploy.local.programs import program
from deploy.local.service_account import BoundPod
from deploy.local.sidecars import RESTART_SECONDS, Sidecars, sidecar_pods
from deploy.local.target import TOKEN_SECONDS, Identity, TargetError
from deploy.local.tokens import Tokens

SIDECAR = {
    "name": "artifact-operator",
    "args": ["--gate-deadline=7s"],
    "volumeMounts": [
        {"name": "rules", "mountPath": "/etc/falco/rules.d"},
        {"name": "plugins", "mountPath": "/usr/share/falco/plugins"},
        {"name": "token", "mountPath": "/var/run/secrets"},
    ],
}
POD = {
    "metadata": {"namespace": "ns", "name": "falco-1", "uid": "uid-1"},
    "spec": {
        "nodeName": "node-1",
        "serviceAccountName": "falco",
        "initContainers": [{"name": "another"}, SIDECAR],
        "containers": [{"name": "falco"}],
        "volumes": [
            {"name": "rules", "emptyDir": {}},
            {"name": "plugins", "emptyDir": {}},
            {"name": "token", "projected": {}},
            {"name": "proc", "hostPath": {"path": "/proc"}},
        ],
    },
    "status": {"phase": "Pending"},
}


def changed(**parts):
    pod = deepcopy(POD)
    for part, changes in parts.items():
        pod[part] |= changes
    return pod


def test_a_sidecar_is_told_what_its_pod_says():
    (found,) = sidecar_pods([POD])
    assert (found.account, found.arguments) == ("falco", ("--gate-deadline=7s",))
    assert found.volumes == ("/etc/falco/rules.d", "/usr/share/falco/plugins")
    assert found.variables == {
        "POD_UID": "uid-1",
        "POD_NAMESPACE": "ns",
        "POD_NAME": "falco-1",
        "NODE_NAME": "node-1",
    }


def without_node():
    pod: dict[str, Any] = deepcopy(POD)
    del pod["spec"]["nodeName"]
    return pod


@pytest.mark.parametrize(
    "pod",
    [
        without_node(),
        changed(spec={"initContainers": [{"name": "another"}]}),
        changed(metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"}),
        changed(status={"phase": "Succeeded"}),
        changed(status={"phase": "Failed"}),
    ],
    ids=["no node", "no sidecar", "terminating", "succeeded", "failed"],
)
def test_a_pod_that_cannot_run_has_none(pod):
    assert sidecar_pods([pod]) == []


class Issuer:
    """Writes kubeconfigs of an API server that is not there; its token may be refused."""

    def __init__(self):
        self.issued = []
        self.renewed = []
        self.refuses = False

    def write_kubeconfig(self, identity):
        self.renew_token(identity)
        self.issued.append(identity)
        self.renewed.clear()
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "none", "cluster": {"server": "https://127.0.0.1:9"}}],
            "users": [{"name": "none", "user": {"token": "none"}}],
            "contexts": [{"name": "none", "context": {"cluster": "none", "user": "none"}}],
            "current-context": "none",
        }
        identity.kubeconfig.write_text(yaml.safe_dump(content))

    def renew_token(self, identity):
        if self.refuses:
            raise TargetError("no such account")
        self.renewed.append(identity)


@pytest.fixture
def issuer():
    return Issuer()


class Clock:
    """Stands still until a test moves it."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def sidecars(tmp_path, issuer, clock):
    (tmp_path / "nodes/node-9/ns.earlier").mkdir(parents=True)
    tokens = Tokens(issuer, clock)
    sidecars = Sidecars(tmp_path / "nodes", tokens, clock)
    yield sidecars
    sidecars.stop()


def folders(tmp_path):
    return sorted(str(path.relative_to(tmp_path / "nodes")) for path in tmp_path.glob("nodes/*/*"))


def command_line(process):
    return psutil.Process(process.pid).cmdline()


def test_a_new_pod_gets_a_process_of_its_own_and_empty_volumes(tmp_path, sidecars, issuer):
    assert sidecars.follow([POD]) == []
    folder = tmp_path / "nodes/node-1/ns.falco-1"
    assert folders(tmp_path) == ["node-1/ns.falco-1"]
    (process,) = sidecars.processes
    assert process.running
    arguments = command_line(process)
    assert f"--volume-root={folder}" in arguments
    assert "--gate-deadline=7s" in arguments
    files = [path for path in folder.glob("[eu]*/**/*") if not path.is_dir()]
    assert files == []
    assert (folder / "etc/falco/rules.d").is_dir()
    assert (folder / "usr/share/falco/plugins").is_dir()
    kubeconfig = folder / "artifact-operator/kubeconfig"
    assert issuer.issued == [Identity("ns", "falco", kubeconfig, BoundPod("falco-1", "uid-1"))]
    assert psutil.Process(process.pid).environ().items() >= {
        ("POD_UID", "uid-1"),
        ("NODE_NAME", "node-1"),
        ("KUBECONFIG", str(kubeconfig)),
    }


def test_a_pod_that_goes_takes_its_process_and_its_volumes_along(tmp_path, sidecars):
    other = changed(metadata={"name": "falco-2", "uid": "uid-2"})
    sidecars.follow([POD, other])
    first, second = sidecars.processes
    sidecars.follow([other])
    assert (first.running, second.running) == (False, True)
    assert sidecars.processes == [second]
    assert folders(tmp_path) == ["node-1/ns.falco-2"]


def test_a_pod_of_the_same_name_begins_anew(tmp_path, sidecars):
    sidecars.follow([POD])
    left = tmp_path / "nodes/node-1/ns.falco-1/etc/falco/rules.d/left.yaml"
    left.touch()
    sidecars.follow([changed(metadata={"uid": "uid-2"})])
    (process,) = sidecars.processes
    assert process.running
    assert not left.exists()


def test_a_sidecar_that_ends_is_started_again_but_not_without_a_pause(sidecars, clock):
    sidecars.follow([POD])
    (process,) = sidecars.processes
    psutil.Process(process.pid).kill()
    assert process.wait(10)
    assert sidecars.follow([POD]) == []
    assert not process.running
    clock.now += RESTART_SECONDS
    (news,) = sidecars.follow([POD])
    assert news == f"The sidecar of ns/falco-1 has ended and starts again: {process.log}"
    assert process.running


def test_a_sidecar_without_a_token_is_tried_again_later(sidecars, issuer, clock):
    issuer.refuses = True
    (news,) = sidecars.follow([POD])
    assert news == "The sidecar of ns/falco-1 could not be started: no such account"
    assert sidecars.follow([POD]) == []
    issuer.refuses = False
    clock.now += RESTART_SECONDS
    assert sidecars.follow([POD]) == []
    assert sidecars.processes[0].running


def test_none_runs_in_the_end_and_what_they_wrote_stays(tmp_path, sidecars):
    sidecars.follow([POD])
    processes = sidecars.processes
    sidecars.stop()
    assert [process.running for process in processes] == [False]
    assert folders(tmp_path) == ["node-1/ns.falco-1"]


def test_a_token_is_renewed_in_good_time_until_it_is_forgotten(tmp_path, issuer, clock):
    tokens = Tokens(issuer, clock)
    identity = Identity("ns", "falco", tmp_path / "kubeconfig")
    tokens.issue(identity)
    assert tokens.renew() == []
    assert issuer.renewed == []
    clock.now += TOKEN_SECONDS / 3
    assert tokens.renew() == []
    assert issuer.renewed == [identity]
    tokens.forget(identity)
    clock.now += TOKEN_SECONDS
    assert tokens.renew() == []
    assert issuer.renewed == [identity]


def test_a_token_that_could_not_be_renewed_is_reported_and_tried_again(tmp_path, issuer, clock):
    tokens = Tokens(issuer, clock)
    tokens.issue(Identity("ns", "falco", tmp_path / "kubeconfig"))
    issuer.refuses = True
    clock.now += TOKEN_SECONDS / 3
    assert tokens.renew() == ["The token of ns:falco could not be renewed: no such account"]
    assert tokens.renew() == []
    issuer.refuses = False
    clock.now += TOKEN_SECONDS / 3
    assert tokens.renew() == []
    assert len(issuer.renewed) == 1


def test_a_program_takes_no_proxy_to_this_machine_and_nothing_else_of_the_user(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com:3128")
    monkeypatch.setenv("no_proxy", ".example.com")
    monkeypatch.setenv("POD_NAME", "of the user")
    process = program("artifact-operator", tmp_path, tmp_path / "kubeconfig", ["--help"])
    environment = process._environment
    assert environment["HTTPS_PROXY"] == "http://proxy.example.com:3128"
    assert environment["no_proxy"] == ".example.com,127.0.0.1"
    assert environment["NO_PROXY"] == "127.0.0.1"
    assert "POD_NAME" not in environment
