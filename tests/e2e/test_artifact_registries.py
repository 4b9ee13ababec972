"""The table of registries: closed registries with authorities of their own, behind a proxy."""

import json
import subprocess
import sys
from base64 import b64encode
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from deploy.local.certificates import Authority
from deploy.local.publisher import Repository, publish_rules
from deploy.local.registry import Registry
from resources.falco.pod_settings import REGISTRIES_FILE
from resources.registry.table import TABLE_KEY
from tests.api import manifest
from tests.e2e.falcos import condition
from tests.enterprise import ClosedRegistry, ConnectProxy
from tests.eventually import eventually
from tests.operator_process import OperatorProcess, operator_kubeconfig

PROGRAM = Path(sys.executable).with_name("kubectl-falco")
OPERATOR = "falco-operator"
MIRROR, REGISTRY, OTHER = (f"{name}.example.test:5000" for name in ("mirror", "registry", "other"))
OTHER_WAY = {"prefix": OTHER, "locations": [f"{REGISTRY}/acme"], "skipFallback": True}
RULES = "- list: {}\n  items: [a]\n"


class Enterprise:
    """A mirror that lacks an artifact, the registry behind it, and the proxy before both."""

    def __init__(self, directory, stack):
        self.mirror, self._mirror_ca = self._closed(directory / "mirror", MIRROR, stack, "mirror")
        self.registry, self._ca = self._closed(directory / "registry", REGISTRY, stack, "registry")
        ports = {MIRROR: self.mirror.port, REGISTRY: self.registry.port}
        self.proxy = stack.enter_context(ConnectProxy(ports))
        self.table = directory / "registries.yaml"
        mirror, registry = (Repository(each._registry.url) for each in (self.mirror, self.registry))
        publish_rules(mirror, "copies/acme/one", ["latest"], RULES.format("one"))
        publish_rules(registry, "acme/two", ["latest"], RULES.format("two"))

    def _closed(self, directory, name, stack, word):
        directory.mkdir()
        authority = Authority(directory)
        keys = authority.server("server", [name.partition(":")[0]])
        registry = stack.enter_context(Registry(directory / "content"))
        closed = ClosedRegistry(registry, keys, word, f"password of the {word}")
        return stack.enter_context(closed), authority.certificate.read_text()

    def write(self, *mirrors, **more):
        """The table with these mirrors beside that of the registry."""
        table = {
            "mirrors": [
                {"prefix": f"{REGISTRY}/acme", "locations": [f"{MIRROR}/copies/acme"]},
                *mirrors,
            ],
            "hosts": {
                MIRROR: {"tls": {"ca": self._mirror_ca}, "auth": {"secretRef": {"name": "mirror"}}},
                REGISTRY: {"tls": {"ca": self._ca}},
            },
            "proxy": self.proxy.url,
            **more,
        }
        self.table.write_text(yaml.safe_dump(table))


@pytest.fixture
def enterprise(tmp_path):
    with ExitStack() as stack:
        made = Enterprise(tmp_path, stack)
        made.write()
        yield made


@pytest.fixture
def operator(cluster, api, tmp_path, enterprise):
    """An operator with the table, and with credentials for the mirror in its own namespace."""
    data = {"username": "mirror", "password": "password of the mirror"}
    api.create(manifest("Secret", OPERATOR, "mirror", stringData=data))
    flags = (f"--registry-config={enterprise.table}",)
    variables = {"POD_NAMESPACE": OPERATOR}
    kubeconfig = operator_kubeconfig(cluster, tmp_path)
    with OperatorProcess(kubeconfig, tmp_path, flags=flags, variables=variables) as process:
        process.start()
        yield process
    api.delete("Secret", OPERATOR, "mirror")


def docker_config(**passwords):
    """A Secret of Docker with these passwords, each for the registry of its user's name."""
    hosts = {"mirror": MIRROR, "registry": REGISTRY}
    auths = {
        hosts[name]: {"username": name, "password": password}
        for name, password in passwords.items()
    }
    text = json.dumps({"auths": auths}).encode()
    return {
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": b64encode(text).decode()},
    }


def source(repository, host=REGISTRY, secret="pull"):
    auth = {"auth": {"secretRef": {"name": secret}}} if secret else {}
    image = {"repository": repository}
    return {"ociArtifact": {"image": image, "registry": {"name": host, **auth}}}


def test_each_registry_is_reached_and_sees_nothing_that_is_not_its_own(
    cluster, api, operator, namespace, fleet, enterprise, tmp_path
):
    both = docker_config(mirror="password of the mirror", registry="password of the registry")
    api.create(manifest("Secret", namespace, "pull", **both))
    for name, spec in (
        ("one", source("acme/one")),
        ("two", source("acme/two")),
        ("closed", source("acme/one", secret="")),
        ("four", source("two", OTHER)),
    ):
        api.create(manifest("Rulesfile", namespace, name, spec=spec))
    mounted = tmp_path / TABLE_KEY
    fleet.falco(type="Deployment", replicas=1, flags=(f"--registry-config={mounted}",))

    def handed_on():
        return api.get("ConfigMap", namespace, "falco")["data"][TABLE_KEY]

    def template():
        return api.get("Deployment", namespace, "falco")["metadata"]["generation"]

    # The pod mounts the one key where its sidecar looks; the kubelet is played below.
    pod = api.get("Deployment", namespace, "falco")["spec"]["template"]["spec"]
    [sidecar] = [each for each in pod["initContainers"] if each["name"] == "artifact-operator"]
    assert f"--registry-config={REGISTRIES_FILE}" in sidecar["args"]
    [mount] = [each for each in sidecar["volumeMounts"] if "registries" in each["name"]]
    assert f"{mount['mountPath']}/{TABLE_KEY}" == REGISTRIES_FILE
    [volume] = [each for each in pod["volumes"] if each["name"] == mount["name"]]
    assert volume["configMap"]["name"] == "falco"
    assert "secretRef" not in handed_on()

    fleet.sidecars[0].launch()  # without the table nothing is pulled, by no way
    _, message = fleet.programmed("Rulesfile", "one", "False")
    assert "the table of registries is not known yet" in message
    generation = template()
    asked = len(enterprise.proxy.asked)
    mounted.write_text(handed_on())
    for name in ("one", "two"):
        fleet.programmed("Rulesfile", name)
    assert sorted(fleet.sidecars[0].rules().values()) == [RULES.format("one"), RULES.format("two")]
    assert len(enterprise.proxy.asked) > asked

    # The operator has looked it up with its own Secret, which the sidecar does not have.
    refusal = f"{MIRROR}: the registry asks for credentials, and there are none"
    eventually(lambda: refusal in fleet.programmed("Rulesfile", "closed", "False")[1])
    status = api.get("Rulesfile", namespace, "closed")["status"]
    assert status["resolved"]["ociDigest"].startswith("sha256:")

    mirror, registry = enterprise.mirror, enterprise.registry
    assert mirror.asked_for("/copies/acme/two/manifests/")  # which it lacks
    assert not registry.asked_for("/acme/one/blobs/")
    assert mirror.shown == {"", mirror.basic}
    assert registry.shown == {"", registry.basic}

    # The table changes while all runs: now there is a way to what no way led to.
    assert (
        "has no entry for other.example.test"
        in condition(api.get("Rulesfile", namespace, "four"), "Programmed")["message"]
    )
    before = handed_on()
    enterprise.write(OTHER_WAY)
    changed = eventually(lambda: handed_on() if handed_on() != before else None)
    mounted.write_text(changed)
    fleet.programmed("Rulesfile", "four", within=60)
    assert template() == generation
    assert mirror.shown == {"", mirror.basic}
    assert registry.shown == {"", registry.basic}
    assert set(enterprise.proxy.asked) == {MIRROR, REGISTRY}

    # What nobody changes is no difference, with a table either.
    command = [PROGRAM, "diff", "-f", "-", "--kubeconfig", cluster.kubeconfig]
    falco = manifest("Falco", namespace, "falco", spec={"type": "Deployment", "replicas": 1})
    told = subprocess.run(
        command, input=yaml.safe_dump(falco), capture_output=True, text=True, check=False
    )
    assert (told.returncode, told.stdout) == (0, ""), told.stderr

    # A table that turns bad is told, and leaves the one before.
    enterprise.table.write_text("mirror: []")
    eventually(lambda: operator.samples()["registry_config_bad"][()] == 1)
    assert "'mirror' is not valid" in operator.answer("Health", "/readyz")[1]
    assert handed_on() == changed
    enterprise.write(OTHER_WAY)
    eventually(lambda: operator.samples()["registry_config_bad"][()] == 0)
    assert handed_on() == changed
    for name in ("one", "two", "closed", "four"):
        api.delete("Rulesfile", namespace, name)


def test_a_table_that_is_bad_from_the_start_ends_the_operator(cluster, tmp_path):
    table = tmp_path / "registries.yaml"
    table.write_text("mirrors: [{prefix: ghcr.io}]")
    flags = (f"--registry-config={table}",)
    kubeconfig = operator_kubeconfig(cluster, tmp_path)
    with OperatorProcess(kubeconfig, tmp_path, flags=flags) as process:
        process.launch()
        assert process.wait(30)
        assert process.exit_code == 1
        assert "mirrors[0].locations: [] is not valid" in process.log.read_text()
