"""The chart: every value does what it says, a wrong one is refused, and all of it is packaged."""

import tarfile

import pytest
import yaml

from deploy.generate import CHART, ROOT, HelmError, helm
from resources.registry.table import Mirror
from resources.registry.table_reader import read_table
from supervisors.process.settings import VERSION
from supervisors.settings import parse
from tests.deploy.charts import at, leaves, rendered

POD = "Deployment/spec/template/spec"
OPERATOR = f"{POD}/containers/0"
SIDECAR_IMAGE = f"{OPERATOR}/env/0/value"
POLICY = "ValidatingAdmissionPolicy"
DIGEST = f"sha256:{'0' * 64}"
TOLERATION = {"key": "only-us", "operator": "Exists"}
AFFINITY = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": ["any"]}}
NAMED = {"create": False, "name": "there-already"}
PEM = "-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----\n"
TABLE_FILE = "registries.yaml"
MIRROR = {"prefix": "ghcr.io/a", "locations": ["r:5000/a"], "skipFallback": True}
HOST = {"tls": {"ca": PEM}, "auth": {"secretRef": {"name": "s"}}}
TABLE = {"mirrors": [MIRROR], "hosts": {"r:5000": HOST}, "proxy": "http://p:1", "noProxy": [".a"]}
MONITORED = {"serviceMonitor": {"enabled": True, "interval": "5s", "labels": {"release": "prom"}}}

# Values; where they show, and as what.
EFFECTS = [
    ({}, f"{OPERATOR}/image", f"falco-operator:{VERSION}"),
    ({}, SIDECAR_IMAGE, f"falco-operator:{VERSION}"),
    ({"image": {"repository": "r:5000/o"}}, f"{OPERATOR}/image", f"r:5000/o:{VERSION}"),
    ({"image": {"repository": "r:5000/o"}}, SIDECAR_IMAGE, f"r:5000/o:{VERSION}"),
    ({"image": {"tag": "1"}}, f"{OPERATOR}/image", "falco-operator:1"),
    ({"image": {"digest": DIGEST}}, f"{OPERATOR}/image", f"falco-operator@{DIGEST}"),
    (
        {"image": {"tag": "1", "digest": DIGEST}},
        f"{OPERATOR}/image",
        f"falco-operator:1@{DIGEST}",
    ),
    ({"image": {"pullPolicy": "Always"}}, f"{OPERATOR}/imagePullPolicy", "Always"),
    ({"pullSecrets": ["a", "b"]}, f"{POD}/imagePullSecrets", [{"name": "a"}, {"name": "b"}]),
    ({"sidecarImage": "r/s:2"}, SIDECAR_IMAGE, "r/s:2"),
    ({"sidecarImage": "r/s:2"}, f"{OPERATOR}/image", f"falco-operator:{VERSION}"),
    ({"replicas": 3}, "Deployment/spec/replicas", 3),
    (
        {},
        f"{OPERATOR}/args",
        [
            "--log-level=info",
            "--log-format=json",
            "--leader-elect",
            "--verify-official=Warn",
            "--verify-others=Off",
        ],
    ),
    ({"signatures": {"official": "Enforce"}}, f"{OPERATOR}/args/3", "--verify-official=Enforce"),
    ({"signatures": {"others": "Warn"}}, f"{OPERATOR}/args/4", "--verify-others=Warn"),
    (
        {"signatures": {"trustedRoot": "root"}},
        f"{OPERATOR}/args/5",
        "--trusted-root=/etc/falco-operator/trusted-root/trusted_root.json",
    ),
    (
        {"signatures": {"trustedRoot": "root"}},
        f"{POD}/volumes",
        [{"name": "trusted-root", "configMap": {"name": "root"}}],
    ),
    (
        {"signatures": {"trustedRoot": "root"}},
        f"{OPERATOR}/volumeMounts/0/mountPath",
        "/etc/falco-operator/trusted-root",
    ),
    ({}, f"{POD}/volumes", None),
    ({}, "Deployment/spec/strategy/type", "RollingUpdate"),
    ({"leaderElection": {"enabled": False}}, f"{OPERATOR}/args/2", "--verify-official=Warn"),
    ({"leaderElection": {"enabled": False}}, "Deployment/spec/strategy/type", "Recreate"),
    ({"leaderElection": {"enabled": False}}, "Role", None),
    ({"leaderElection": {"enabled": False}}, "RoleBinding", None),
    ({"excludedLabels": ["a", "b.c/*"]}, f"{OPERATOR}/args/3", "--excluded-labels=a"),
    ({"excludedLabels": ["a", "b.c/*"]}, f"{OPERATOR}/args/4", "--excluded-labels=b.c/*"),
    (
        {"localRegistries": ["a:5000", "[::1]"]},
        f"{OPERATOR}/args/3",
        "--allow-local-registry=a:5000",
    ),
    (
        {"localRegistries": ["a:5000", "[::1]"]},
        f"{OPERATOR}/args/4",
        "--allow-local-registry=[::1]",
    ),
    ({}, "ConfigMap", None),
    (
        {"registries": {"proxy": "http://p:1"}},
        "ConfigMap/metadata/name",
        "falco-operator-registries",
    ),
    (
        {"registries": {"proxy": "http://p:1"}},
        f"{OPERATOR}/args/5",
        "--registry-config=/etc/falco-operator/registries/registries.yaml",
    ),
    (
        {"registries": TABLE},
        f"{POD}/volumes",
        [{"name": "registries", "configMap": {"name": "falco-operator-registries"}}],
    ),
    (
        {"registries": {"localRegistries": ["a"]}, "signatures": {"trustedRoot": "root"}},
        f"{OPERATOR}/volumeMounts/1/mountPath",
        "/etc/falco-operator/registries",
    ),
    ({"defaultValidation": "Warn"}, f"{OPERATOR}/args/3", "--default-validation=Warn"),
    ({"pullWindow": "0s"}, f"{OPERATOR}/args/3", "--pull-window=0s"),
    ({}, f"{POLICY}/spec/failurePolicy", "Fail"),
    ({"nodeReportPolicy": {"enabled": False}}, POLICY, None),
    ({"nodeReportPolicy": {"enabled": False}}, f"{POLICY}Binding", None),
    ({"log": {"level": "debug"}}, f"{OPERATOR}/args/0", "--log-level=debug"),
    ({"log": {"format": "text"}}, f"{OPERATOR}/args/1", "--log-format=text"),
    ({"extraArgs": ["--a=b: c"]}, f"{OPERATOR}/args/5", "--a=b: c"),
    (
        {"extraEnv": [{"name": "A", "value": "1"}]},
        f"{OPERATOR}/env/4",
        {"name": "A", "value": "1"},
    ),
    ({}, "Service/spec/ports/0/port", 8080),
    ({"metrics": {"service": False}}, "Service", None),
    ({}, "ServiceMonitor", None),
    ({"metrics": MONITORED}, "ServiceMonitor/spec/endpoints/0/interval", "5s"),
    ({"metrics": MONITORED}, "ServiceMonitor/metadata/labels/release", "prom"),
    ({"resources": {"limits": {"cpu": "1"}}}, f"{OPERATOR}/resources/limits/cpu", "1"),
    ({"resources": {"limits": {"memory": "1Gi"}}}, f"{OPERATOR}/resources/limits/memory", "1Gi"),
    ({"resources": {"requests": {"cpu": "2"}}}, f"{OPERATOR}/resources/requests/cpu", "2"),
    ({"resources": {"requests": {"memory": "1G"}}}, f"{OPERATOR}/resources/requests/memory", "1G"),
    ({"nodeSelector": {"pool": "a"}}, f"{POD}/nodeSelector", {"pool": "a"}),
    ({"tolerations": [TOLERATION]}, f"{POD}/tolerations", [TOLERATION]),
    ({"affinity": AFFINITY}, f"{POD}/affinity", AFFINITY),
    (
        {"podAnnotations": {"a": "b"}},
        "Deployment/spec/template/metadata/annotations",
        {"a": "b"},
    ),
    ({"podLabels": {"a": "b"}}, "Deployment/spec/template/metadata/labels/a", "b"),
    (
        {"podLabels": {"app.kubernetes.io/name": "other"}},
        "Deployment/spec/template/metadata/labels/app.kubernetes.io~1name",
        "falco-operator",
    ),
    ({}, "ServiceAccount/metadata/name", "falco-operator"),
    ({"serviceAccount": NAMED}, "ServiceAccount", None),
    ({"serviceAccount": NAMED}, f"{POD}/serviceAccountName", "there-already"),
    ({"serviceAccount": NAMED}, "ClusterRoleBinding/subjects/0/name", "there-already"),
    ({"serviceAccount": NAMED}, "RoleBinding/subjects/0/name", "there-already"),
    (
        {"serviceAccount": {"annotations": {"a": "b"}}},
        "ServiceAccount/metadata/annotations",
        {"a": "b"},
    ),
]

REFUSED = [
    ({"imge": {}}, "imge"),
    ({"image": {"tagg": "1"}}, "tagg"),
    ({"image": {"tag": 1.0}}, "/image/tag"),
    ({"image": {"tag": "a b"}}, "/image/tag"),
    ({"image": {"digest": "sha256:0"}}, "/image/digest"),
    ({"image": {"repository": ""}}, "/image/repository"),
    ({"image": {"pullPolicy": "always"}}, "/image/pullPolicy"),
    ({"pullSecrets": [{"name": "a"}]}, "/pullSecrets/0"),
    ({"replicas": "1"}, "/replicas"),
    ({"replicas": 2, "leaderElection": {"enabled": False}}, "/replicas"),
    ({"leaderElection": {"enable": True}}, "enable"),
    ({"excludedLabels": "a"}, "/excludedLabels"),
    ({"excludedLabels": ["a b"]}, "/excludedLabels/0"),
    ({"localRegistries": ["http://a"]}, "/localRegistries/0"),
    ({"registries": {"mirror": []}}, "mirror"),
    ({"registries": {"mirrors": [{"prefix": "a"}]}}, "locations"),
    ({"registries": {"mirrors": [MIRROR | {"locations": []}]}}, "/registries/mirrors/0/locations"),
    ({"registries": {"mirrors": [MIRROR | {"prefix": "https://a"}]}}, "/mirrors/0/prefix"),
    ({"registries": {"hosts": {"a/b": {}}}}, "a/b"),
    ({"registries": {"hosts": {"a": {"plainHTTP": True, "tls": {}}}}}, "/registries/hosts/a"),
    ({"registries": {"hosts": {"a": {"auth": {"secretRef": {}}}}}}, "name"),
    ({"registries": {"proxy": "http://user:password@p:1"}}, "/registries/proxy"),
    ({"defaultValidation": "warn"}, "/defaultValidation"),
    ({"pullWindow": "2m"}, "/pullWindow"),
    ({"nodeReportPolicy": {"enabled": "no"}}, "/nodeReportPolicy/enabled"),
    ({"log": {"level": "trace"}}, "/log/level"),
    ({"log": {"format": "JSON"}}, "/log/format"),
    ({"extraArgs": ["a"]}, "/extraArgs/0"),
    ({"extraEnv": [{"value": "1"}]}, "/extraEnv/0"),
    ({"metrics": {"serviceMonitor": {"interval": "often"}}}, "interval"),
    ({"metrics": {"service": False, "serviceMonitor": {"enabled": True}}}, "/metrics/service"),
    ({"resources": {"request": {}}}, "request"),
    ({"nodeSelector": {"a": True}}, "/nodeSelector/a"),
    ({"tolerations": [{"keys": "a"}]}, "keys"),
    ({"affinity": {"podAfinity": {}}}, "podAfinity"),
    ({"podLabels": {"a": 1}}, "/podLabels/a"),
    ({"serviceAccount": {"create": False}}, "/serviceAccount/name"),
]


@pytest.mark.parametrize(("values", "path", "expected"), EFFECTS)
def test_a_value_has_its_effect(values, path, expected):
    assert at(rendered(values), path) == expected


# Those of the cache are in test_chart_cache.py.
def test_no_value_is_without_a_test_of_its_effect():
    defaults = yaml.safe_load((ROOT / CHART / "values.yaml").read_text())
    del defaults["cache"]
    tested = {path for values, _, _ in EFFECTS for path in leaves(values)}
    covered = {
        path for path in leaves(defaults) if any(f"{t}/".startswith(f"{path}/") for t in tested)
    }
    assert set(leaves(defaults)) - covered == set()


@pytest.mark.parametrize(("values", "named"), REFUSED)
def test_a_wrong_value_is_refused_by_name(values, named):
    with pytest.raises(HelmError, match="values don't meet the specifications") as refusal:
        rendered(values)
    assert named in str(refusal.value)


def test_the_flags_and_the_environment_are_such_as_the_operator_takes():
    values = {
        "excludedLabels": ["team", "*.io/*"],
        "localRegistries": ["localhost:5000"],
        "log": {"level": "debug", "format": "text"},
    }
    container = at(rendered(values), OPERATOR)
    environ = {entry["name"]: entry.get("value", "") for entry in container["env"]}
    settings = parse(container["args"], environ)
    assert settings.excluded_labels == ("team", "*.io/*")
    assert settings.registry_policy.local_registries == ("localhost:5000",)
    assert (settings.process.log_level, settings.process.log_format) == ("debug", "text")
    assert settings.artifact_operator_image == f"falco-operator:{VERSION}"
    assert settings.process.exposed.dump_directory.as_posix() == "/dev/shm"


def test_the_table_of_registries_is_such_as_the_operator_reads():
    table = read_table(rendered({"registries": TABLE})["ConfigMap"]["data"][TABLE_FILE].encode())
    assert table.mirrors == (Mirror("ghcr.io/a", ("r:5000/a",), skip_fallback=True),)
    assert (table.host("r:5000").ca, table.host("r:5000").secret) == (PEM, "s")
    assert (table.proxy, table.no_proxy) == ("http://p:1", (".a",))


def test_the_probes_and_the_service_ask_where_the_operator_listens():
    container = at(rendered(), OPERATOR)
    settings = parse([], {})
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    listens = {
        "metrics": settings.process.exposed.metrics,
        "health": settings.process.exposed.health,
    }
    assert ports == {name: address and address.port for name, address in listens.items()}
    probes = [container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")]
    assert [probe["path"] for probe in probes] == ["/healthz", "/healthz", "/readyz"]
    assert {probe["port"] for probe in probes} == {"health"}


def test_the_chart_is_of_the_version_of_the_project():
    chart = yaml.safe_load((ROOT / CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (VERSION, VERSION)


def test_a_cluster_without_native_sidecars_is_refused():
    with pytest.raises(HelmError, match="incompatible with Kubernetes v1"):
        rendered(None, "falco-operator", "--kube-version=1.28.9")
    assert rendered(None, "falco-operator", "--kube-version=1.29.0-eks-1")


def test_a_cluster_that_knows_no_policies_gets_none():
    assert POLICY not in rendered(None, "falco-operator", "--kube-version=1.29.9")
    assert POLICY in rendered(None, "falco-operator", "--kube-version=1.30.0")


def test_helm_finds_nothing_to_complain_of():
    assert "[WARNING]" not in helm("lint", "--strict", ROOT / CHART)


def test_the_package_holds_manifests_and_no_program(tmp_path):
    helm("package", ROOT / CHART, f"--destination={tmp_path}")
    [package] = tmp_path.iterdir()
    with tarfile.open(package) as archive:
        names = {name.removeprefix("falco-operator/") for name in archive.getnames()}
    crds = {name for name in names if name.startswith("crds/")}
    assert crds == {f"crds/{path.name}" for path in (ROOT / "crds").glob("*.yaml")}
    assert {"rules/cluster.yaml", "rules/leases.yaml", "values.schema.json"} <= names
    assert not {name for name in names if name.endswith((".py", ".pyc"))}
