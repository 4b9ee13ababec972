"""The default pod of a Falco: the container `falco`, and the sidecar `artifact-operator`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from resources.configuration.base import FILE
from resources.falco import exact_check
from resources.falco.exact_check import ExactCheck
from resources.falco.pod_settings import REGISTRIES_FILE, PodSettings, sidecar_flags
from resources.instance.workload import MainContainer, http_probe
from resources.registry.table import TABLE_KEY

if TYPE_CHECKING:
    from resources.kubernetes.overlay import Template

MAIN = MainContainer("falco", "docker.io/falcosecurity/falco", "0.44.1")
SIDECAR = "artifact-operator"
CONFIG_HASH = "instance.falcosecurity.dev/config-hash"

_STARTUP_DELAY = 3
_STARTUP_PERIOD = 5
_STARTUP_FAILURES = 20
_STARTUP_MARGIN = 30  # seconds for the sidecar to start, and to answer once the deadline is over


class _Mount(NamedTuple):
    volume: str
    path: str
    mount: str
    read_only: bool = False


_HOST_MOUNTS = (
    _Mount("boot-fs", "/boot", "/host/boot", read_only=True),
    _Mount("lib-modules", "/lib/modules", "/host/lib/modules"),
    _Mount("usr-fs", "/usr", "/host/usr", read_only=True),
    _Mount("proc-fs", "/proc", "/host/proc"),
    _Mount("etc-fs", "/etc", "/host/etc", read_only=True),
    _Mount("dev-fs", "/dev", "/host/dev", read_only=True),
    _Mount("sys-fs", "/sys/module", "/sys/module"),
    _Mount("docker-socket", "/var/run", "/host/var/run/"),
    _Mount("containerd-socket", "/run/containerd", "/host/run/containerd/"),
    _Mount("crio-socket", "/run/crio", "/host/run/crio/"),
    _Mount("host-containerd-socket", "/run/host-containerd", "/host/run/host-containerd/"),
    _Mount("k3s-containerd-socket", "/run/k3s/containerd", "/host/run/k3s/containerd/"),
)
# Volumes and the path at which both containers mount them: the sidecar writes, Falco reads.
_SHARED = (
    ("falco-configs", "/etc/falco/config.d"),
    ("falco-rulesfiles", "/etc/falco/rules.d"),
    ("falco-plugins", "/usr/share/falco/plugins"),
)
_OWN = ("root-falco-fs", "/root/.falco")
# Where the sidecar, whose root is read-only, writes its dumps.
_SIDECAR_TEMPORARY = ("artifact-operator-tmp", "/tmp")  # noqa: S108
# A pod is evicted once a volume exceeds its limit. During a batch the volume of plugins holds each
# library up to three times, loaded, installed and new, and the packed one.
_SIZE_LIMITS = {
    "root-falco-fs": "1Gi",
    "falco-configs": "256Mi",
    "falco-rulesfiles": "256Mi",
    "falco-plugins": "4Gi",
    "artifact-operator-tmp": "16Mi",
}
_CONFIG = "falco-config-default"
_REGISTRIES = ("artifact-operator-registries", REGISTRIES_FILE.rpartition("/")[0])

_RESOURCES = {
    "requests": {"cpu": "100m", "memory": "512Mi"},
    "limits": {"cpu": "1000m", "memory": "1024Mi"},
}
_SIDECAR_RESOURCES = {
    "requests": {"cpu": "50m", "memory": "64Mi"},
    "limits": {"memory": "256Mi"},
}
# The check, and Falco in its dry run, may take 128 MiB each beside the sidecar's own 60.
_EXACT_RESOURCES = _SIDECAR_RESOURCES | {"limits": {"memory": "384Mi"}}
_SIDECAR_SECURITY = {
    "runAsNonRoot": True,
    "runAsUser": 65532,
    "runAsGroup": 65532,
    "readOnlyRootFilesystem": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
# Where Falco looks for `/proc`, without which it does not start, whatever its engine.
# Its image says `/host`, where a Deployment mounts nothing.
_HOST_ROOTS = {"DaemonSet": "/host", "Deployment": "/"}
_ENV = (("FALCO_HOSTNAME", "spec.nodeName"), ("FALCO_K8S_NODE_NAME", "spec.nodeName"))
_SIDECAR_ENV = (
    ("POD_NAME", "metadata.name"),
    ("POD_UID", "metadata.uid"),
    ("POD_NAMESPACE", "metadata.namespace"),
    ("NODE_NAME", "spec.nodeName"),
)
_TOLERATED = ("node-role.kubernetes.io/master", "node-role.kubernetes.io/control-plane")


def pod_template(settings: PodSettings) -> dict[str, Any]:
    """The pod template of a Falco without the user's template."""
    return {
        "metadata": {
            "labels": dict(settings.labels),
            "annotations": {CONFIG_HASH: settings.config_hash},
        },
        "spec": {
            "serviceAccountName": settings.name,
            "tolerations": [
                {"key": key, "operator": "Exists", "effect": "NoSchedule"} for key in _TOLERATED
            ],
            "initContainers": [*_copy(settings), _sidecar(settings)],
            "containers": [_falco(settings)],
            "volumes": _volumes(settings),
        },
    }


def warnings(template: Template) -> tuple[str, ...]:
    """What a user should know of the pod template that results from the user's."""
    spec = template["spec"]
    [falco] = [container for container in spec["containers"] if container["name"] == MAIN.name]
    shared = {volume for volume, _ in _SHARED}
    writable = [
        mount["mountPath"]
        for mount in falco["volumeMounts"]
        if mount.get("name") in shared and not mount.get("readOnly")
    ]
    return (f"container {MAIN.name} may write to {', '.join(writable)}",) if writable else ()


def _falco(settings: PodSettings) -> dict[str, Any]:
    return {
        "name": MAIN.name,
        "image": settings.image,
        "args": ["/usr/bin/falco"],
        "env": [
            {"name": "HOST_ROOT", "value": _HOST_ROOTS[settings.workload]},
            *_downward(_ENV),
        ],
        "ports": [port.of_container() for port in settings.ports.of_falco()],
        "resources": _RESOURCES,
        "securityContext": {"privileged": _sees_host(settings)},
        "livenessProbe": http_probe("/healthz", settings.ports.web, delay=60, period=15),
        "readinessProbe": http_probe("/healthz", settings.ports.web, delay=30, period=15),
        "volumeMounts": _falco_mounts(settings),
    }


def _copy(settings: PodSettings) -> list[dict[str, Any]]:
    if settings.exact_check is not ExactCheck.COPY:
        return []
    copy = exact_check.copy_container(
        settings.image,
        settings.pull_policy,
        settings.gate_deadline,
        _SIDECAR_RESOURCES,
        _SIDECAR_SECURITY,
    )
    return [copy]


def _falco_mounts(settings: PodSettings) -> list[dict[str, Any]]:
    host = [
        {"name": mount.volume, "mountPath": mount.mount}
        | ({"readOnly": True} if mount.read_only else {})
        for mount in _host_mounts(settings)
    ]
    shared = [mount | {"readOnly": True} for mount in _mounts(_SHARED)]
    return [*host, *_mounts((_OWN,)), *shared, _base_mount()]


def _sidecar(settings: PodSettings) -> dict[str, Any]:
    """The native sidecar; Falco starts once its startup probe reports the files as installed."""
    failures = math.ceil((settings.gate_deadline + _STARTUP_MARGIN) / _STARTUP_PERIOD)
    startup = _sidecar_probe(settings, "/readyz", _STARTUP_DELAY, _STARTUP_PERIOD)
    return {
        "name": SIDECAR,
        "image": settings.sidecar_image,
        "restartPolicy": "Always",
        "command": ["artifact-operator"],
        "args": sidecar_flags(settings),
        "env": _downward(_SIDECAR_ENV),
        "ports": [port.of_container() for port in settings.ports.of_sidecar()],
        "resources": _EXACT_RESOURCES if settings.is_exact else _SIDECAR_RESOURCES,
        "securityContext": _SIDECAR_SECURITY,
        "startupProbe": startup | {"failureThreshold": max(_STARTUP_FAILURES, failures)},
        "readinessProbe": _sidecar_probe(settings, "/readyz", 5, 10),
        "livenessProbe": _sidecar_probe(settings, "/healthz", 15, 10),
        "volumeMounts": [
            *_mounts((*_SHARED, _SIDECAR_TEMPORARY)),
            *(_program_mounts() if settings.is_exact else []),
            *([_registries_mount()] if settings.has_registries else []),
        ],
    }


def _sidecar_probe(settings: PodSettings, path: str, delay: int, period: int) -> dict[str, Any]:
    probe = http_probe(path, settings.ports.health, delay=delay, period=period)
    if settings.ports.host:
        probe["httpGet"]["host"] = settings.ports.host
    return probe


def _program_mounts() -> list[dict[str, Any]]:
    """What the sidecar needs for dry runs of Falco: the program and its base configuration."""
    program = {"name": exact_check.VOLUME, "mountPath": exact_check.MOUNT, "readOnly": True}
    return [program, _base_mount()]


def _program_volumes(settings: PodSettings) -> list[dict[str, Any]]:
    return [exact_check.volume(settings.exact_check, settings.image, settings.pull_policy)]


def _registries_mount() -> dict[str, Any]:
    name, path = _REGISTRIES
    return {"name": name, "mountPath": path, "readOnly": True}


def _registries_volume(settings: PodSettings) -> dict[str, Any]:
    """The table alone; without it the pod starts all the same, and the sidecar says what it lacks.

    It is mounted as a directory, since the kubelet never updates a `subPath`.
    """
    items = [{"key": TABLE_KEY, "path": TABLE_KEY}]
    source = {"name": settings.name, "items": items, "optional": True}
    return {"name": _REGISTRIES[0], "configMap": source}


def _base_mount() -> dict[str, Any]:
    return {"name": _CONFIG, "mountPath": f"/etc/falco/{FILE}", "subPath": FILE}


def _volumes(settings: PodSettings) -> list[dict[str, Any]]:
    host = [
        {"name": mount.volume, "hostPath": {"path": mount.path}} for mount in _host_mounts(settings)
    ]
    empty = [
        {"name": volume, "emptyDir": {"sizeLimit": _SIZE_LIMITS[volume]}}
        for volume, _ in (_OWN, *_SHARED, _SIDECAR_TEMPORARY)
    ]
    program = _program_volumes(settings) if settings.is_exact else []
    config = {"name": _CONFIG, "configMap": {"name": settings.name}}
    registries = [_registries_volume(settings)] if settings.has_registries else []
    return [*host, *empty, *program, config, *registries]


def _host_mounts(settings: PodSettings) -> tuple[_Mount, ...]:
    return _HOST_MOUNTS if _sees_host(settings) else ()


def _sees_host(settings: PodSettings) -> bool:
    """Whether Falco needs access to its node; in a Deployment it runs only plugins."""
    return settings.workload == "DaemonSet"


def _mounts(mounts: tuple[tuple[str, str], ...]) -> list[dict[str, Any]]:
    return [{"name": volume, "mountPath": path} for volume, path in mounts]


def _downward(fields: tuple[tuple[str, str], ...]) -> list[dict[str, Any]]:
    return [
        {"name": name, "valueFrom": {"fieldRef": {"fieldPath": field}}} for name, field in fields
    ]
