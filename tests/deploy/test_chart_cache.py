"""The cache of the chart: a registry in front of each upstream, which nobody else has to trust."""

import json
import socket
import ssl
from base64 import b64decode
from collections import Counter
from contextlib import closing
from http.client import HTTPSConnection
from uuid import uuid4

import pytest
import yaml
from cryptography import x509

from deploy.generate import CHART, ROOT, HelmError, helm
from deploy.local.publisher import MANIFEST, Repository, publish_rules
from deploy.local.registry import Registry
from resources.instance.labels import OWNER_KIND
from resources.registry.table import Host, HostTLS, Mirror
from resources.registry.table_reader import read_table
from tests.api import manifest
from tests.deploy.charts import at, cache_config, leaves

NAME = "falco-operator-cache-ghcr-io"
HOST = f"{NAME}.falco-operator.svc"
POD = "Deployment/spec/template/spec"
REGISTRY = f"{POD}/containers/0"
CONFIG = "ConfigMap/data/config.yml"
DIGEST = f"sha256:{'0' * 64}"
PEER = {"ipBlock": {"cidr": "10.0.0.0/8"}}
UPSTREAM = {"registry": "ghcr.io"}
LOGIN = {**UPSTREAM, "credentialsSecret": "login"}


def documents(values=None, *flags, release="falco-operator", namespace="falco-operator"):
    """All documents that these values of the cache make."""
    given = {"enabled": True, **(values or {})}
    flags = (f"--namespace={namespace}", f"--set-json=cache={json.dumps(given)}", *flags)
    text = helm("template", release, ROOT / CHART, *flags)
    return [document for document in yaml.safe_load_all(text) if document]


def cache(values=None, *flags, name=NAME):
    """The documents of one cache, by kind."""
    found = [each for each in documents(values, *flags) if each["metadata"]["name"] == name]
    assert max(Counter(each["kind"] for each in found).values()) == 1
    return {each["kind"]: each for each in found}


def config(values=None):
    """The configuration of the registry."""
    return yaml.safe_load(at(cache(values), CONFIG))


def certificate(data):
    return x509.load_pem_x509_certificate(b64decode(data["tls.crt"]))


# Values of the cache; where they show, and as what.
EFFECTS: list[tuple[dict, str, object]] = [
    ({}, f"{REGISTRY}/image", "docker.io/library/registry:3"),
    ({"image": {"repository": "r/registry"}}, f"{REGISTRY}/image", "r/registry:3"),
    ({"image": {"tag": "3.1.2"}}, f"{REGISTRY}/image", "docker.io/library/registry:3.1.2"),
    (
        {"image": {"tag": "", "digest": f"sha256:{'0' * 64}"}},
        f"{REGISTRY}/image",
        f"docker.io/library/registry@sha256:{'0' * 64}",
    ),
    ({"image": {"pullPolicy": "Always"}}, f"{REGISTRY}/imagePullPolicy", "Always"),
    ({}, "PersistentVolumeClaim", None),
    ({}, f"{POD}/volumes/0/emptyDir/sizeLimit", "10Gi"),
    ({"storage": {"size": "1Gi"}}, f"{POD}/volumes/0/emptyDir/sizeLimit", "1Gi"),
    (
        {"storage": {"persistent": True}},
        f"{POD}/volumes/0/persistentVolumeClaim/claimName",
        NAME,
    ),
    (
        {"storage": {"persistent": True, "size": "2Gi"}},
        "PersistentVolumeClaim/spec/resources/requests/storage",
        "2Gi",
    ),
    (
        {"storage": {"persistent": True, "storageClass": "fast"}},
        "PersistentVolumeClaim/spec/storageClassName",
        "fast",
    ),
    ({"storage": {"persistent": True}}, "PersistentVolumeClaim/spec/storageClassName", None),
    ({}, f"{POD}/volumes/2/secret/secretName", NAME),
    ({"tls": {"secretName": "own"}}, f"{POD}/volumes/2/secret/secretName", "own"),
    ({"tls": {"secretName": "own"}}, "Secret", None),
    ({}, "NetworkPolicy/spec/policyTypes", ["Ingress"]),
    ({"networkPolicy": {"enabled": False}}, "NetworkPolicy", None),
    ({"networkPolicy": {"from": [PEER]}}, "NetworkPolicy/spec/ingress/0/from/2", PEER),
    ({"extraEnv": [{"name": "A", "value": "1"}]}, f"{REGISTRY}/env/1/name", "A"),
    ({"resources": {"limits": {"memory": "1Gi"}}}, f"{REGISTRY}/resources/limits/memory", "1Gi"),
    ({"resources": {"requests": {"cpu": "2"}}}, f"{REGISTRY}/resources/requests/cpu", "2"),
    ({"resources": {"requests": {"memory": "1G"}}}, f"{REGISTRY}/resources/requests/memory", "1G"),
    ({"nodeSelector": {"a": "b"}}, f"{POD}/nodeSelector", {"a": "b"}),
    ({"tolerations": [{"key": "a"}]}, f"{POD}/tolerations", [{"key": "a"}]),
    ({"affinity": {"nodeAffinity": {}}}, f"{POD}/affinity", {"nodeAffinity": {}}),
    (
        {"upstreams": [LOGIN]},
        f"{REGISTRY}/env/2",
        {
            "name": "REGISTRY_PROXY_USERNAME",
            "valueFrom": {"secretKeyRef": {"name": "login", "key": "username"}},
        },
    ),
]

REFUSED: list[tuple[dict, str]] = [
    ({"upstreams": []}, "/cache/upstreams"),
    ({"upstreams": [{"registry": "https://ghcr.io"}]}, "/cache/upstreams/0/registry"),
    ({"upstreams": [{**UPSTREAM, "remoteURL": "https://a:b@c"}]}, "/cache/upstreams/0/remoteURL"),
    ({"ttl": "a week"}, "/cache/ttl"),
    ({"storage": {"size": "much"}}, "/cache/storage/size"),
    ({"tls": {"ca": "no PEM"}}, "/cache/tls/ca"),
    ({"persistent": True}, "persistent"),
]


@pytest.mark.parametrize(("values", "path", "expected"), EFFECTS)
def test_a_value_has_its_effect(values, path, expected):
    assert at(cache(values), path) == expected


@pytest.mark.parametrize(("values", "named"), REFUSED)
def test_a_wrong_value_is_refused_by_name(values, named):
    with pytest.raises(HelmError, match="values don't meet the specifications") as refusal:
        documents(values)
    assert named in str(refusal.value)


def test_no_value_is_without_a_test_of_its_effect():
    defaults = yaml.safe_load((ROOT / CHART / "values.yaml").read_text())["cache"]
    # These have tests of their own below.
    own = {"enabled", "upstreams", "skipFallback", "ttl", "tls/ca"}
    tested = own | {path for values, _, _ in EFFECTS for path in leaves(values)}
    covered = {
        path for path in leaves(defaults) if any(f"{t}/".startswith(f"{path}/") for t in tested)
    }
    assert set(leaves(defaults)) - covered == set()


def test_there_is_none_unless_it_is_enabled():
    assert not [each for each in documents({"enabled": False}) if "cache" in json.dumps(each)]


def test_each_upstream_has_a_cache_of_its_own():
    upstreams = [
        UPSTREAM,
        {"registry": "docker.io"},
        {"registry": "r.example.com:5000", "remoteURL": "http://r.example.com:5000"},
    ]
    found = documents({"upstreams": upstreams})
    remotes = {
        each["metadata"]["name"]: yaml.safe_load(each["data"]["config.yml"])["proxy"]["remoteurl"]
        for each in found
        if each["kind"] == "ConfigMap" and "config.yml" in each["data"]
    }
    assert remotes == {
        NAME: "https://ghcr.io",
        "falco-operator-cache-docker-io": "https://registry-1.docker.io",
        "falco-operator-cache-r-example-com-5000": "http://r.example.com:5000",
    }
    kinds = Counter(each["kind"] for each in found if "cache" in each["metadata"]["name"])
    assert set(kinds.values()) == {3}


def test_what_is_old_is_removed_after_the_time_that_is_given():
    assert (config()["proxy"]["ttl"], config({"ttl": "0s"})["proxy"]["ttl"]) == ("168h", "0s")
    assert config()["storage"]["delete"] == {"enabled": True}


def test_the_certificate_is_for_the_name_by_which_it_is_known():
    data = cache()["Secret"]["data"]
    names = certificate(data).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert HOST in names.value.get_values_for_type(x509.DNSName)
    authority = x509.load_pem_x509_certificate(b64decode(data["ca.crt"]))
    certificate(data).verify_directly_issued_by(authority)


def test_it_lets_in_the_pods_of_falcos_and_of_the_operator():
    operator, falcos = at(cache(), "NetworkPolicy/spec/ingress/0/from")
    assert operator["podSelector"] == of_operator()["spec"]["selector"]
    assert falcos == {
        "namespaceSelector": {},
        "podSelector": {"matchLabels": {OWNER_KIND: "Falco"}},
    }


def of_operator(values=None):
    """The operator's Deployment beside the caches."""
    [found] = [
        each
        for each in documents(values)
        if (each["kind"], each["metadata"]["name"]) == ("Deployment", "falco-operator")
    ]
    return found


def table(values=None, *flags):
    """The table of registries, as the operator reads it, and the Secret of the first cache."""
    found = documents(values, *flags)
    [text] = [
        each["data"]["registries.yaml"]
        for each in found
        if each["metadata"]["name"] == "falco-operator-registries"
    ]
    secrets = [each["data"] for each in found if each["kind"] == "Secret"]
    return read_table(text.encode()), secrets


def test_it_enters_itself_in_the_table_of_registries():
    read, [secret] = table()
    assert read.mirrors == (Mirror("ghcr.io", (HOST,)),)
    assert read.host(HOST) == Host(
        tls=HostTLS(ca=b64decode(secret["ca.crt"]).decode()), pull_through=True
    )
    assert table({"skipFallback": True})[0].mirrors == (Mirror("ghcr.io", (HOST,), True),)
    args = of_operator()["spec"]["template"]["spec"]["containers"][0]["args"]
    assert "--registry-config=/etc/falco-operator/registries/registries.yaml" in args


def test_a_given_certificate_has_the_authority_that_is_given_with_it():
    pem = "-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----\n"
    for ca, tls in ((pem, HostTLS(ca=pem)), ("", None)):
        read, secrets = table({"tls": {"secretName": "own", "ca": ca}})
        assert (read.host(HOST).tls, secrets) == (tls, [])


def test_it_stands_beside_what_the_table_has_of_users():
    own = {
        "mirrors": [{"prefix": "docker.io", "locations": ["m.example.com"]}],
        "hosts": {"m.example.com": {"plainHTTP": True}},
    }
    read, _ = table(None, f"--set-json=registries={json.dumps(own)}")
    assert [mirror.prefix for mirror in read.mirrors] == ["docker.io", "ghcr.io"]
    assert set(read.hosts) == {"m.example.com", HOST}


def test_it_is_reached_without_the_proxy_of_the_table():
    own = {"proxy": "http://proxy.example.com:3128", "noProxy": [".example.com"]}
    read, _ = table(None, f"--set-json=registries={json.dumps(own)}")
    assert (read.proxy, read.no_proxy) == (own["proxy"], (".example.com", HOST))
    assert table()[0].no_proxy == ()


@pytest.mark.parametrize(
    ("prefix", "upstream"),
    [("ghcr.io", "ghcr.io"), ("GHCR.io", "ghcr.io"), ("index.docker.io", "docker.io")],
)
def test_it_says_when_a_registry_has_a_mirror_already(prefix, upstream):
    own = [{"prefix": prefix, "locations": ["m.example.com"]}]
    with pytest.raises(HelmError, match=f"registries.mirrors has the prefix {prefix}, and so has"):
        documents(
            {"upstreams": [{"registry": upstream}]},
            f"--set-json=registries.mirrors={json.dumps(own)}",
        )


@pytest.mark.parametrize("again", ["docker.io", "registry-1.docker.io"])
def test_it_says_when_a_registry_is_named_twice(again):
    with pytest.raises(HelmError, match=r"cache\.upstreams has the registry docker\.io twice"):
        documents({"upstreams": [{"registry": "docker.io"}, {"registry": again}]})


def test_it_says_when_two_would_have_the_same_name():
    long = "registry-of-a-company-with-a-name-that-is-long"
    for one, other in (("a.b.io", "a-b.io"), (f"{long}.example.com", f"{long}.example.org")):
        with pytest.raises(HelmError, match=f"the cache of {other} would have the name of another"):
            documents({"upstreams": [{"registry": one}, {"registry": other}]})


def test_the_service_leads_to_its_pods_alone():
    found = cache()
    selector = at(found, "Service/spec/selector")
    assert selector == at(found, "Deployment/spec/template/metadata/labels")
    assert selector != of_operator()["spec"]["selector"]["matchLabels"]
    ports = {port["name"] for port in at(found, f"{REGISTRY}/ports")}
    assert ports == {at(found, "Service/spec/ports/0/targetPort")}


def test_the_api_server_takes_it_and_finds_nothing_that_restricted_pods_may_not_have(control_plane):
    name, labels = f"cache-{uuid4().hex[:8]}", {"pod-security.kubernetes.io/warn": "restricted"}
    namespace = manifest("Namespace", "", name, metadata={"labels": labels})
    control_plane.client.call("POST", "/api/v1/namespaces", namespace)
    persistent = {"storage": {"persistent": True}}
    found = [each for each in documents(persistent, namespace=name) if _is_cache(each)]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": found})
    answer = control_plane.kubectl("apply", "--server-side", "-f", "-", input=text, check=False)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.count("serverside-applied") == 6


def _is_cache(document):
    return document["metadata"]["name"] == NAME


def test_an_upgrade_keeps_the_certificate_and_makes_anew_what_is_gone(control_plane):
    name, secrets = f"kept-{uuid4().hex[:8]}", "/api/v1/namespaces/{}/secrets"
    control_plane.client.call("POST", "/api/v1/namespaces", manifest("Namespace", "", name))

    def upgrade():
        """What helm would apply to this cluster."""
        flags = ("--dry-run=server", f"--kubeconfig={control_plane.kubeconfig}")
        found = documents(None, *flags, namespace=name)
        [secret] = [each for each in found if each["kind"] == "Secret"]
        return secret

    first = upgrade()
    assert upgrade()["data"] != first["data"]
    control_plane.client.call("POST", secrets.format(name), first)
    assert upgrade()["data"] == first["data"]
    control_plane.client.call("DELETE", f"{secrets.format(name)}/{NAME}")
    assert upgrade()["data"] != first["data"]


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """The real registry with configuration and certificate of the chart, and a connection to it.

    The connection trusts whom the table of registries says, and looks for the name in it.
    """
    directory = tmp_path_factory.mktemp("chart")
    read, [secret] = table()
    for name in ("tls.crt", "tls.key"):
        (directory / name).write_bytes(b64decode(secret[name]))
    with Registry(directory / "upstream") as upstream:
        publish_rules(Repository(upstream.url), "falco/rules", ["1"], "[]")
        config = cache_config("ghcr.io", upstream.url)
        files = {"certificate": str(directory / "tls.crt"), "key": str(directory / "tls.key")}
        with Registry(directory / "cache", {**config, "http": {"tls": files}}) as started:
            trusted = ssl.create_default_context(cadata=read.host(HOST).ca)
            with closing(_ByName(started.address, trusted)) as connection:
                yield connection


class _ByName(HTTPSConnection):
    """A connection to an address, where a server with the name of the cache has to answer."""

    def __init__(self, address, trusted):
        super().__init__(address, context=trusted)
        self._trusted = trusted

    def connect(self):
        raw = socket.create_connection((self.host, self.port))
        self.sock = self._trusted.wrap_socket(raw, server_hostname=HOST)

    def status(self, method, path):
        self.request(method, path, headers={"Accept": MANIFEST})
        with self.getresponse() as response:
            response.read()
            return response.status


def test_the_registry_takes_its_configuration_and_certificate(running):
    probe = at(cache(), f"{REGISTRY}/readinessProbe/httpGet")
    assert probe["scheme"] == "HTTPS"
    assert running.status("GET", probe["path"]) == 200
    assert running.status("GET", "/v2/falco/rules/manifests/1") == 200


@pytest.mark.parametrize("what", [f"manifests/{DIGEST}", f"blobs/{DIGEST}"])
def test_nobody_deletes_or_pushes(running, what):
    assert running.status("DELETE", f"/v2/falco/rules/{what}") == 405
    assert running.status("POST", "/v2/falco/rules/blobs/uploads/") == 405
