"""`kubectl falco check` as a user of a real cluster runs it: each planted fault has a name."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.local import ControlPlane
from deploy.local.crds import CRDS
from deploy.local.nodes import node
from deploy.local.target import ALL_BUT_OPERATOR, INSTALL
from tests.api import Api, manifest
from tests.e2e.falcos import Falcos
from tests.eventually import eventually
from tests.operator_process import OperatorProcess, operator_kubeconfig

PROGRAM = Path(sys.executable).with_name("kubectl-falco")
OPERATOR, HOME, PEOPLE = "falco-operator", "security", "people"
# What cluster administrators let those see who run Falco: all but the content of Secrets.
SEEN = [
    {"apiGroups": [""], "verbs": ["get", "list"], "resources": [
        "namespaces", "nodes", "pods", "services", "serviceaccounts", "configmaps",
        "limitranges", "resourcequotas"]},
    {"apiGroups": ["apps", "rbac.authorization.k8s.io", "discovery.k8s.io", "events.k8s.io",
                   "admissionregistration.k8s.io", "apiextensions.k8s.io", "coordination.k8s.io",
                   "instance.falcosecurity.dev", "artifact.falcosecurity.dev"],
     "verbs": ["get", "list"], "resources": ["*"]},
]  # fmt: skip
RULES = "rulesfiles.artifact.falcosecurity.dev"


class Site:
    """A cluster with an operator and a Falco, and a user who looks at it."""

    def __init__(self, plane, directory):
        self.plane = plane
        self.api = Api(plane)
        self.operator = OperatorProcess(
            operator_kubeconfig(plane, directory),
            directory / "operator",
            flags=["--leader-elect"],
            variables={"POD_NAME": "operator-a", "POD_NAMESPACE": OPERATOR},
        )
        for name in (HOME, PEOPLE):
            self.api.create(manifest("Namespace", "", name))
        self.api.create(manifest("ServiceAccount", PEOPLE, "reader"))
        self.api.create(manifest("ClusterRole", "", "falco-reader", rules=SEEN))
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole"}
        subject = {"kind": "ServiceAccount", "namespace": PEOPLE, "name": "reader"}
        self.api.create(
            manifest(
                "ClusterRoleBinding",
                "",
                "falco-reader",
                roleRef=reference | {"name": "falco-reader"},
                subjects=[subject],
            )
        )
        self.kubeconfig = plane.service_account_kubeconfig(
            PEOPLE, "reader", directory / "reader.kubeconfig"
        )

    def call(self, method, path, body=None):
        return self.plane.client.call(method, path, body)

    def check(self, *arguments):
        """The exit code, and level and texts of what is not well, by code."""
        command = [PROGRAM, "check", "-o", "json", "--kubeconfig", self.kubeconfig, *arguments]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ended.stderr == ""
        items = json.loads(ended.stdout)["items"]
        texts: dict[str, list[str]] = {}
        for one in items:
            texts.setdefault(one["code"], []).append(one.get("message", one.get("text", "")))
        ill = {
            one["code"]: (one["level"], "\n".join(texts[one["code"]][1:]))
            for one in items
            if one["kind"] == "Check" and one["level"] != "ok"
        }
        return ended.returncode, ill


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    directory = tmp_path_factory.mktemp("cli-check")
    with ControlPlane(directory / "plane") as plane:
        plane.apply_crds([INSTALL], ALL_BUT_OPERATOR)
        made = Site(plane, directory)
        with made.operator:
            made.operator.start()
            Falcos(made.api, HOME).create("falco")
            Falcos(made.api, HOME).becomes("falco", Reconciled="True", Available="True")
            yield made


def test_a_sound_cluster_gives_no_finding(site):
    assert site.check("--wait", "1m", "--failure-threshold", "warning") == (0, {})


FAULTS: dict[str, tuple] = {}


def fault(code, text, status=1):
    def registered(plant):
        FAULTS[plant.__name__] = (contextmanager(plant), code, text, status)
        return plant

    return registered


@fault("FAL0511", "components.instance.falcosecurity.dev is missing")
def deleted_crd(site):
    name = "components.instance.falcosecurity.dev"
    site.plane.kubectl("delete", "crd", name)
    try:
        yield
    finally:
        site.plane.apply_crds([Path("crds") / f"{name}.yaml"])


@fault("FAL0512", "lacks spec.validation")
def old_schema(site):
    crd = site.call("GET", f"{CRDS}/{RULES}")
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    del schema["properties"]["spec"]["properties"]["validation"]
    site.call("PUT", f"{CRDS}/{RULES}", crd)
    try:
        yield
    finally:
        site.plane.kubectl(
            "apply", "--server-side", "--force-conflicts", f"--filename=crds/{RULES}.yaml"
        )


@fault("FAL0522", "may not get/list/watch/create/patch configmaps")
def missing_right_of_the_operator(site):
    role = site.api.get("ClusterRole", "", OPERATOR)
    less = [rule for rule in role["rules"] if "configmaps" not in rule["resources"]]
    site.api.merge("ClusterRole", "", OPERATOR, {"rules": less})
    try:
        yield
    finally:
        site.api.merge("ClusterRole", "", OPERATOR, {"rules": role["rules"]})


@fault("FAL0521", "you may not list nodereports.artifact.falcosecurity.dev", status=0)
def missing_right_of_the_user(site):
    less = [*SEEN[:1], SEEN[1] | {"apiGroups": SEEN[1]["apiGroups"][:-1]}]
    resources = ["rulesfiles", "plugins", "configs"]
    few = {"apiGroups": ["artifact.falcosecurity.dev"], "verbs": ["get", "list"]}
    less.append(few | {"resources": resources})
    site.api.merge("ClusterRole", "", "falco-reader", {"rules": less})
    try:
        yield
    finally:
        site.api.merge("ClusterRole", "", "falco-reader", {"rules": SEEN})


@fault("FAL0551", "there is no Service policy/judge; it is asked about daemonsets, and refuses")
def dead_webhook(site):
    root = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    rule = {"operations": ["CREATE", "UPDATE"], "apiGroups": ["apps"], "apiVersions": ["v1"]}
    webhook = {
        "name": "judge.example.org",
        "clientConfig": {"service": {"namespace": "policy", "name": "judge"}},
        "rules": [rule | {"resources": ["daemonsets"]}],
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
    }
    made = {"metadata": {"name": "judge"}, "webhooks": [webhook]}
    site.call("POST", root, made)
    try:
        yield
    finally:
        site.call("DELETE", f"{root}/judge")


@fault("FAL0561", "namespace security enforces baseline")
def pod_security(site):
    label = "pod-security.kubernetes.io/enforce"
    site.api.merge("Namespace", "", HOME, {"metadata": {"labels": {label: "baseline"}}})
    try:
        yield
    finally:
        site.api.merge("Namespace", "", HOME, {"metadata": {"labels": {label: None}}})


@fault("FAL0562", "has no limits.cpu, so that its pods are refused")
def quota(site):
    root = f"/api/v1/namespaces/{HOME}/resourcequotas"
    site.call("POST", root, {"metadata": {"name": "q"}, "spec": {"hard": {"limits.cpu": "9"}}})
    try:
        yield
    finally:
        site.call("DELETE", f"{root}/q")


@fault("FAL0563", "container falco has limits.memory above the 512Mi that are allowed")
def limit_range(site):
    root = f"/api/v1/namespaces/{HOME}/limitranges"
    limits = [{"type": "Container", "max": {"memory": "512Mi"}}]
    site.call("POST", root, {"metadata": {"name": "l"}, "spec": {"limits": limits}})
    try:
        yield
    finally:
        site.call("DELETE", f"{root}/l")


@fault("FAL0571", "node odd runs windows, and Falco security/falco is to run on it")
def windows_node(site):
    odd = node("odd", 0, {})
    odd["status"]["nodeInfo"]["operatingSystem"] = "windows"
    site.call("POST", "/api/v1/nodes", odd)
    try:
        yield
    finally:
        site.call("DELETE", "/api/v1/nodes/odd")


@fault("FAL0542", "Falco 0.99.0 in security/falco", status=0)
def unknown_falco(site):
    site.api.merge("Falco", HOME, "falco", {"spec": {"version": "0.99.0"}})
    eventually(lambda: any("0.99.0" in json.dumps(one) for one in site.api.list("Pod", HOME)))
    try:
        yield
    finally:
        site.api.merge("Falco", HOME, "falco", {"spec": {"version": None}})


@fault("FAL0541", "the operator falco-operator/falco-operator is 0.0.1", status=0)
def other_release(site):
    text = INSTALL.read_text().rpartition("\nkind: Deployment\n")[2].partition("\n---\n")[0]
    text = f"apiVersion: apps/v1\nkind: Deployment\n{text}"
    site.plane.kubectl(
        "apply",
        "--filename=-",
        input=text.replace("version: '0.1.0'", "version: '0.0.1'").replace(
            'version: "0.1.0"', 'version: "0.0.1"'
        ),
    )
    try:
        yield
    finally:
        site.api.delete("Deployment", OPERATOR, OPERATOR)


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_named_with_its_cause(site, name):
    planted, code, text, status = FAULTS[name]
    with planted(site):
        eventually(lambda: text in site.check()[1].get(code, ("", ""))[1], within=60)
        ended, ill = site.check()
        assert (ended, set(ill)) == (status, {code}), ill
    # The operator has to be able to look again: what was refused waits.
    eventually(lambda: site.check() == (0, {}), within=90)


def test_an_operator_that_was_killed_leaves_a_lease_that_grows_old(site):
    site.operator.kill()
    eventually(lambda: site.check()[0] == 1, within=60)
    _, ill = site.check()
    assert list(ill) == ["FAL0532"]
    level, text = ill["FAL0532"]
    assert level == "error"
    assert "the Lease is operator-a_" in text
    assert "it has ended, or cannot write" in text
    site.operator.start()
    eventually(lambda: site.check() == (0, {}), within=60)


def _seen_by_nodes_alone(site):
    """The answer once the API server knows of the roles: only Nodes may be read."""
    ended, ill = site.check()
    return (ended, ill) if "FAL0522" in ill and "FAL0502" not in ill else None


def test_what_the_user_may_not_read_is_said_and_is_no_error(site):
    nodes = {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list"]}
    site.api.merge("ClusterRole", "", "falco-reader", {"rules": [nodes]})
    ended, ill = eventually(lambda: _seen_by_nodes_alone(site))
    site.api.merge("ClusterRole", "", "falco-reader", {"rules": []})
    eventually(lambda: site.check()[0] == 2)
    site.api.merge("ClusterRole", "", "falco-reader", {"rules": SEEN})
    eventually(lambda: site.check() == (0, {}), within=60)
    assert ended == 0
    assert "clusterroles could not be read: you may not" in ill["FAL0522"][1]
    assert "you may not list falcos.instance.falcosecurity.dev" in ill["FAL0521"][1]
    assert {level for level, _ in ill.values()} == {"unknown", "warning"}


def test_before_an_installation_it_is_said_what_the_user_may_not_create(site):
    ended, ill = site.check("--pre")
    assert ended == 1
    assert "you may not create customresourcedefinitions.apiextensions.k8s.io" in ill["FAL0523"][1]
    assert "escalate clusterroles" in ill["FAL0523"][1]
    assert list(ill) == ["FAL0523"]


def test_an_api_server_that_is_gone_could_not_be_asked(site, tmp_path):
    text = site.kubeconfig.read_text().replace(site.plane.url, "https://127.0.0.1:1")
    (tmp_path / "kubeconfig").write_text(text)
    command = [PROGRAM, "check", "--kubeconfig", tmp_path / "kubeconfig"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "https://127.0.0.1:1 cannot be reached" in ended.stderr
