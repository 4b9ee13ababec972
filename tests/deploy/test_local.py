"""The local control plane behaves like a cluster, keeps strangers out and leaves nothing behind."""

from __future__ import annotations

import json
import os
import ssl
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import yaml

from deploy.local import ControlPlane, DirectoryInUseError, KubectlError, ProcessError
from deploy.local.certificates import Authority, KeyPair
from deploy.local.client import AdminClient, RefusedError
from deploy.local.layout import Layout
from tests.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60


@pytest.fixture(scope="module")
def api_only(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """etcd and an API server that a test may stop and kill."""
    directory = tmp_path_factory.mktemp("api-only")
    with ControlPlane(directory, nodes=0, controllers=False) as started:
        yield started


def daemon_set(name: str) -> str:
    labels = {"app": name}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "pause", "image": "pause"}]},
    }
    return json.dumps(
        {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": {"name": name},
            "spec": {"selector": {"matchLabels": labels}, "template": template},
        }
    )


def crd(plural: str, kind: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"spec": {"type": "object"}}}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.local.test"},
        "spec": {
            "group": "local.test",
            "scope": "Namespaced",
            "names": {"plural": plural, "singular": kind.lower(), "kind": kind},
            "versions": [version],
        },
    }


def administrator(plane: ControlPlane) -> KeyPair:
    keys = Layout(plane.directory).keys
    return KeyPair(keys / "local-admin.crt", keys / "local-admin.key")


def port_of(plane: ControlPlane) -> int:
    return int(plane.url.rpartition(":")[2])


def test_every_node_is_ready_and_looks_like_a_linux_worker(control_plane):
    nodes = json.loads(control_plane.kubectl("get", "nodes", "-o", "json").stdout)["items"]
    labels = {node["metadata"]["name"]: node["metadata"]["labels"] for node in nodes}
    assert {"node-1", "node-2", "node-3"} <= labels.keys()
    assert labels["node-1"]["kubernetes.io/hostname"] == "node-1"
    assert labels["node-1"]["kubernetes.io/os"] == "linux"
    assert labels["node-1"]["topology.kubernetes.io/zone"] == "zone-a"
    control_plane.kubectl("wait", "node", "--all", "--for=condition=Ready", "--timeout=60s")


def test_a_daemon_set_runs_a_pod_on_every_node(control_plane):
    control_plane.kubectl("create", "namespace", "daemons")
    control_plane.kubectl("apply", "-n", "daemons", "-f", "-", input=daemon_set("everywhere"))
    control_plane.kubectl(
        "rollout", "status", "-n", "daemons", "daemonset/everywhere", "--timeout=60s"
    )
    pods = json.loads(control_plane.kubectl("get", "pods", "-n", "daemons", "-o", "json").stdout)
    nodes = control_plane.client.call("GET", "/api/v1/nodes")["items"]
    assert {pod["spec"]["nodeName"] for pod in pods["items"]} == {
        node["metadata"]["name"] for node in nodes
    }
    assert {pod["status"]["phase"] for pod in pods["items"]} == {"Running"}


def test_nodes_that_are_added_later_get_ready_and_their_pods_run(control_plane):
    control_plane.add_nodes(["late-node"], {"example.test/pool": "late"})
    control_plane.kubectl("create", "namespace", "late")
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "picky"},
        "spec": {
            "nodeSelector": {"example.test/pool": "late"},
            "containers": [{"name": "pause", "image": "pause"}],
        },
    }
    control_plane.kubectl("wait", "sa/default", "-n", "late", "--for=create", "--timeout=60s")
    control_plane.kubectl("apply", "-n", "late", "-f", "-", input=json.dumps(pod))
    control_plane.kubectl(
        "wait", "-n", "late", "pod/picky", "--for=condition=Ready", "--timeout=60s"
    )
    control_plane.kubectl("delete", "node", "late-node")


def test_controllers_carry_on_after_the_api_server_was_killed(control_plane):
    control_plane.kill_api_server()
    control_plane.start_api_server()
    assert all(process.running for process in control_plane.processes)
    control_plane.kubectl("create", "namespace", "afterwards")
    control_plane.kubectl("apply", "-n", "afterwards", "-f", "-", input=daemon_set("again"))
    control_plane.kubectl(
        "rollout", "status", "-n", "afterwards", "daemonset/again", "--timeout=120s"
    )


def test_the_versions_that_clients_see_are_the_pinned_ones(api_only):
    versions = json.loads(api_only.kubectl("version", "-o", "json").stdout)
    assert versions["serverVersion"]["gitVersion"] == versions["clientVersion"]["gitVersion"]
    assert versions["serverVersion"]["gitVersion"].startswith("v1.")
    assert versions["serverVersion"]["major"] == "1"


def test_everything_listens_on_loopback_only(control_plane):
    for process in control_plane.processes:
        for connection in psutil.Process(process.pid).net_connections(kind="inet"):
            if connection.status == psutil.CONN_LISTEN:
                assert connection.laddr.ip == "127.0.0.1", process.name


def test_a_client_that_trusts_another_authority_refuses_the_api_server(api_only, tmp_path):
    stranger = Authority(tmp_path)
    client = AdminClient(port_of(api_only), stranger.certificate, administrator(api_only))
    with pytest.raises(ssl.SSLCertVerificationError):
        client.call("GET", "/api")


def test_the_api_server_refuses_a_certificate_of_another_authority(api_only, tmp_path):
    intruder = Authority(tmp_path).client("intruder", ["system:masters"])
    ca = Layout(api_only.directory).keys / "ca.crt"
    with pytest.raises(RefusedError) as refusal:
        AdminClient(port_of(api_only), ca, intruder).call("GET", "/api/v1/namespaces")
    assert refusal.value.status == 401


def test_etcd_refuses_clients_without_a_certificate_of_ours(api_only, tmp_path):
    etcd = api_only.processes[0]
    assert etcd.name == "etcd"
    ca = Layout(api_only.directory).keys / "ca.crt"
    intruder = Authority(tmp_path).client("root")
    ports = {
        connection.laddr.port
        for connection in psutil.Process(etcd.pid).net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert ports
    for port in ports:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            AdminClient(port, ca, intruder).request("GET", "/version")


def test_private_files_are_for_their_owner_only(api_only):
    layout = Layout(api_only.directory)
    private = [layout.kubeconfig, *layout.keys.glob("*.key")]
    assert len(private) > 5
    assert {stat.S_IMODE(path.stat().st_mode) for path in private} == {0o600}


def test_a_service_account_may_do_what_is_bound_to_it_and_nothing_else(api_only, tmp_path):
    api_only.kubectl("create", "namespace", "rights")
    api_only.kubectl("create", "serviceaccount", "-n", "rights", "reader")
    path = api_only.service_account_kubeconfig("rights", "reader", tmp_path / "reader.kubeconfig")
    as_reader = ("--kubeconfig", path)
    assert api_only.kubectl(*as_reader, "get", "configmaps", check=False).returncode != 0

    role = ("--verb=get,list", "--resource=configmaps")
    api_only.kubectl("create", "role", "-n", "rights", "reads-configmaps", *role)
    binding = ("--role=reads-configmaps", "--serviceaccount=rights:reader")
    api_only.kubectl("create", "rolebinding", "-n", "rights", "reader", *binding)

    def may_read():  # in the account's own namespace
        return api_only.kubectl(*as_reader, "get", "configmaps", check=False).returncode == 0

    eventually(may_read)  # a binding counts once the API server has seen it in its own watch
    with pytest.raises(KubectlError, match="Forbidden"):
        api_only.kubectl(*as_reader, "get", "secrets")
    with pytest.raises(KubectlError, match="Forbidden"):
        api_only.kubectl(*as_reader, "get", "configmaps", "-n", "default")


def test_a_rotated_token_is_another_one_and_works(api_only, tmp_path):
    api_only.kubectl("create", "namespace", "tokens")
    api_only.kubectl("create", "serviceaccount", "-n", "tokens", "holder")
    path = api_only.service_account_kubeconfig("tokens", "holder", tmp_path / "holder.kubeconfig")
    token = Path(yaml.safe_load(path.read_text())["users"][0]["user"]["tokenFile"])
    before = token.read_text()
    assert api_only.rotate_token(path) == token.read_text() != before
    assert {stat.S_IMODE(file.stat().st_mode) for file in (path, token)} == {0o600}
    whoami = api_only.kubectl("--kubeconfig", path, "auth", "whoami", "-o", "json").stdout
    assert json.loads(whoami)["status"]["userInfo"]["username"] == (
        "system:serviceaccount:tokens:holder"
    )


def test_a_service_account_that_does_not_exist_gets_no_kubeconfig(api_only, tmp_path):
    with pytest.raises(RefusedError) as refusal:
        api_only.service_account_kubeconfig("default", "nobody", tmp_path / "kubeconfig")
    assert refusal.value.status == 404


def test_crds_are_listed_and_explained_as_soon_as_they_are_applied(api_only, tmp_path):
    for plural, kind in (("firsts", "First"), ("seconds", "Second")):  # into one API group
        file = tmp_path / f"{plural}.json"
        file.write_text(json.dumps(crd(plural, kind)))
        api_only.apply_crds([file])
        api_only.kubectl("get", plural)
        assert f"KIND:       {kind}" in api_only.kubectl("explain", f"{plural}.spec").stdout


def test_the_audit_log_has_one_line_for_a_request_and_one_for_a_closed_watch(api_only):
    api_only.kubectl("create", "namespace", "audited")
    api_only.kubectl("create", "configmap", "-n", "audited", "settings")
    watch = "/api/v1/namespaces/audited/configmaps?watch=1&timeoutSeconds=1"
    assert api_only.client.request("GET", watch).status == 200
    api_only.stop_api_server()  # has written everything when it ends
    api_only.start_api_server()
    with api_only.audit_log.open() as log:
        events = [json.loads(line) for line in log]
    assert {event["stage"] for event in events} == {"ResponseComplete"}
    assert {event["level"] for event in events} == {"Metadata"}
    config_maps = [
        event["verb"]
        for event in events
        if event["user"]["username"] == "local-admin"
        and event.get("objectRef", {}).get("resource") == "configmaps"
    ]
    assert config_maps == ["create", "watch"]


@pytest.mark.parametrize("way_to_end", ["stop_api_server", "kill_api_server"])
def test_a_restarted_api_server_has_its_data_and_its_port(api_only, way_to_end):
    url, pid = api_only.url, api_only.api_server.pid
    name = way_to_end.replace("_", "-")
    api_only.kubectl("create", "namespace", name)
    getattr(api_only, way_to_end)()
    with pytest.raises(OSError, match="refused"):
        api_only.client.call("GET", "/readyz")
    api_only.start_api_server()
    assert api_only.url == url
    assert api_only.api_server.pid != pid
    api_only.kubectl("get", "namespace", name)


def test_a_live_control_plane_keeps_its_directory(api_only):
    with pytest.raises(DirectoryInUseError, match=str(os.getpid())):
        ControlPlane(api_only.directory, nodes=0, controllers=False).start()
    api_only.kubectl("get", "namespaces")


def test_an_api_server_that_cannot_start_says_why_and_leaves_nothing_running(tmp_path):
    flags = ["--enable-admission-plugins=NoSuchPlugin"]
    plane = ControlPlane(tmp_path, nodes=0, controllers=False, api_server_flags=flags)
    with pytest.raises(ProcessError, match="NoSuchPlugin"):
        plane.start()
    assert not [
        child
        for child in psutil.Process().children(recursive=True)
        if str(tmp_path) in " ".join(child.cmdline())
    ]


def test_nodes_without_controllers_are_refused(tmp_path):
    with pytest.raises(ValueError, match="only with controllers"):
        ControlPlane(tmp_path, nodes=1, controllers=False)


PARENT = """
import sys, time
from pathlib import Path
from deploy.local import ControlPlane
ControlPlane(Path(sys.argv[1]), nodes=0, controllers=False).start()
print("started", flush=True)
sys.stdin.read()
"""


def test_a_killed_parent_leaves_no_process_and_its_directory_can_be_used_again(tmp_path):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    with parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"started\n"
        descendants = psutil.Process(parent.pid).children(recursive=True)
        servers = [one for one in descendants if one.name() in ("etcd", "kube-apiserver")]
        assert len(servers) == 2
        parent.kill()
    with ControlPlane(tmp_path, nodes=0, controllers=False) as plane:  # which waits for them
        assert not [server for server in servers if server.is_running()]
        plane.kubectl("get", "namespaces")
    assert not psutil.wait_procs(descendants, timeout=PATIENCE_SECONDS)[1]


def test_kubectl_reads_no_configuration_of_the_user(api_only, monkeypatch, tmp_path):
    broken = tmp_path / "kubeconfig"
    broken.write_text("not a kubeconfig")
    monkeypatch.setenv("KUBECONFIG", str(broken))
    monkeypatch.setenv("HOME", str(tmp_path))
    api_only.kubectl("get", "namespaces")
    assert not (tmp_path / ".kube").exists()
