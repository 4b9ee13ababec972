"""The defaults of every type, as SPEC §3 has them."""

import pytest

from resources.component.catalog import COMPONENT_TYPES
from resources.component.desired import desired
from resources.component.spec import Component, ComponentChoice, ComponentSpec
from resources.kubernetes.meta import ObjectMeta

READ = ["get", "list", "watch"]


def children(type_):
    meta = ObjectMeta(name="c", namespace="ns", uid="u-1")
    spec = ComponentSpec(component=ComponentChoice(type=type_))
    return {
        child.ref.kind: child.body for child in desired(Component(metadata=meta, spec=spec), ())
    }


def pod(type_):
    return children(type_)["Deployment"]["spec"]["template"]["spec"]


def container(type_):
    [result] = pod(type_)["containers"]
    return result


def test_there_are_three_types():
    assert set(COMPONENT_TYPES) == {"metacollector", "falcosidekick", "falcosidekick-ui"}


@pytest.mark.parametrize("type_", COMPONENT_TYPES)
def test_the_main_container_is_called_as_the_type(type_):
    assert container(type_)["name"] == type_


@pytest.mark.parametrize(
    ("type_", "image"),
    [
        ("metacollector", "docker.io/falcosecurity/k8s-metacollector:0.1.2"),
        ("falcosidekick", "docker.io/falcosecurity/falcosidekick:2.32.0"),
        ("falcosidekick-ui", "docker.io/falcosecurity/falcosidekick-ui:2.2.0"),
    ],
)
def test_image(type_, image):
    assert container(type_)["image"] == image


@pytest.mark.parametrize(
    ("type_", "replicas"), [("metacollector", 1), ("falcosidekick", 2), ("falcosidekick-ui", 2)]
)
def test_replicas(type_, replicas):
    assert children(type_)["Deployment"]["spec"]["replicas"] == replicas


@pytest.mark.parametrize(
    ("type_", "command", "args"),
    [
        ("metacollector", ["/meta-collector"], ["run"]),
        ("falcosidekick", None, None),
        ("falcosidekick-ui", None, ["-r", "falcosidekick-ui-redis:6379"]),
    ],
)
def test_command_and_arguments_as_the_kubelet_expands_them(type_, command, args):
    result = container(type_)
    variables = {f"$({item['name']})": item["value"] for item in result.get("env", ())}
    assert result.get("command") == command
    expanded = [variables.get(value, value) for value in result.get("args", ())]
    assert (expanded or None) == args


@pytest.mark.parametrize(
    ("type_", "ports"),
    [
        ("metacollector", {"metrics": 8080, "health-probe": 8081, "broker-grpc": 45000}),
        ("falcosidekick", {"http": 2801}),
        ("falcosidekick-ui", {"http": 2802}),
    ],
)
def test_ports_of_the_container_and_the_service(type_, ports):
    assert container(type_)["ports"] == [
        {"containerPort": number, "name": name, "protocol": "TCP"} for name, number in ports.items()
    ]
    assert children(type_)["Service"]["spec"]["ports"] == [
        {"name": name, "port": number, "protocol": "TCP", "targetPort": name}
        for name, number in ports.items()
    ]


def probe(path, port, delay, period):
    return {
        "httpGet": {"path": path, "port": port},
        "initialDelaySeconds": delay,
        "timeoutSeconds": 5,
        "periodSeconds": period,
        "failureThreshold": 3,
    }


@pytest.mark.parametrize(
    ("type_", "live", "ready"),
    [
        ("metacollector", probe("/healthz", 8081, 45, 15), probe("/readyz", 8081, 30, 15)),
        ("falcosidekick", *[probe("/ping", "http", 10, 5)] * 2),
        ("falcosidekick-ui", *[probe("/api/v1/healthz", "http", 10, 5)] * 2),
    ],
)
def test_probes(type_, live, ready):
    assert container(type_)["livenessProbe"] == live
    assert container(type_)["readinessProbe"] == ready


@pytest.mark.parametrize(
    ("type_", "resources"),
    [
        (
            "metacollector",
            {
                "requests": {"cpu": "100m", "memory": "128Mi"},
                "limits": {"cpu": "250m", "memory": "256Mi"},
            },
        ),
        ("falcosidekick", None),
        ("falcosidekick-ui", None),
    ],
)
def test_resources(type_, resources):
    assert container(type_).get("resources") == resources


@pytest.mark.parametrize(
    ("type_", "of_pod", "of_container"),
    [
        (
            "metacollector",
            {"runAsNonRoot": True, "runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 1000},
            {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        ),
        ("falcosidekick", {"runAsUser": 1234, "runAsGroup": 1234, "fsGroup": 1234}, None),
        ("falcosidekick-ui", {"runAsUser": 1234, "runAsGroup": 1234, "fsGroup": 1234}, None),
    ],
)
def test_security(type_, of_pod, of_container):
    assert pod(type_)["securityContext"] == of_pod
    assert container(type_).get("securityContext") == of_container


@pytest.mark.parametrize(
    ("type_", "rules"),
    [
        (
            "metacollector",
            {
                "ClusterRole": [
                    {
                        "apiGroups": ["apps"],
                        "resources": ["daemonsets", "deployments", "replicasets"],
                        "verbs": READ,
                    },
                    {
                        "apiGroups": [""],
                        "resources": [
                            "endpoints",
                            "namespaces",
                            "pods",
                            "replicationcontrollers",
                            "services",
                        ],
                        "verbs": READ,
                    },
                    {
                        "apiGroups": ["discovery.k8s.io"],
                        "resources": ["endpointslices"],
                        "verbs": READ,
                    },
                ]
            },
        ),
        (
            "falcosidekick",
            {"Role": [{"apiGroups": [""], "resources": ["endpoints"], "verbs": ["get"]}]},
        ),
        ("falcosidekick-ui", {}),
    ],
)
def test_rights(type_, rules):
    made = children(type_)
    result = {kind: made[kind]["rules"] for kind in ("Role", "ClusterRole") if kind in made}
    assert result == rules
    assert {f"{kind}Binding" for kind in rules} == {kind for kind in made if "Binding" in kind}


def test_falcosidekick_ui_waits_for_redis():
    [wait] = pod("falcosidekick-ui")["initContainers"]
    assert (wait["name"], wait["image"]) == (
        "wait-redis",
        "docker.io/redis/redis-stack:7.2.0-v11",
    )
    assert wait["env"] == [{"name": "REDIS_ADDR", "value": "falcosidekick-ui-redis:6379"}]
    assert "initContainers" not in pod("metacollector") | pod("falcosidekick")
