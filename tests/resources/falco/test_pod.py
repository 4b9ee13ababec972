"""Every default of SPEC §3, written out a second time."""

import pytest

from resources.artifact.fields import Validation
from resources.falco.exact_check import ExactCheck
from resources.falco.pod import pod_template
from resources.falco.pod_settings import PodSettings

SETTINGS = PodSettings(
    workload="DaemonSet",
    name="my-falco",
    image="docker.io/falcosecurity/falco:0.44.1",
    version="0.44.1",
    config_hash="abc",
    labels={"a": "b"},
    sidecar_image="docker.io/falcosecurity/artifact-operator:latest",
    gate_deadline=60,
)
BOTH = ("DaemonSet", "Deployment")

HOST_VOLUMES = {
    "boot-fs": ("/boot", "/host/boot", True),
    "lib-modules": ("/lib/modules", "/host/lib/modules", False),
    "usr-fs": ("/usr", "/host/usr", True),
    "proc-fs": ("/proc", "/host/proc", False),
    "etc-fs": ("/etc", "/host/etc", True),
    "dev-fs": ("/dev", "/host/dev", True),
    "sys-fs": ("/sys/module", "/sys/module", False),
    "docker-socket": ("/var/run", "/host/var/run/", False),
    "containerd-socket": ("/run/containerd", "/host/run/containerd/", False),
    "crio-socket": ("/run/crio", "/host/run/crio/", False),
    "host-containerd-socket": ("/run/host-containerd", "/host/run/host-containerd/", False),
    "k3s-containerd-socket": ("/run/k3s/containerd", "/host/run/k3s/containerd/", False),
}
SHARED = {
    "falco-configs": "/etc/falco/config.d",
    "falco-rulesfiles": "/etc/falco/rules.d",
    "falco-plugins": "/usr/share/falco/plugins",
}


def pod(workload):
    return pod_template(SETTINGS._replace(workload=workload))["spec"]


def falco(workload):
    [container] = pod(workload)["containers"]
    return container


def sidecar(settings=SETTINGS):
    [container] = pod_template(settings)["spec"]["initContainers"]
    return container


def test_the_template_carries_labels_and_the_hash_of_the_base_configuration():
    assert pod_template(SETTINGS)["metadata"] == {
        "labels": {"a": "b"},
        "annotations": {"instance.falcosecurity.dev/config-hash": "abc"},
    }


@pytest.mark.parametrize("workload", BOTH)
def test_pods_run_under_the_service_account_and_tolerate_control_plane_nodes(workload):
    assert pod(workload)["serviceAccountName"] == "my-falco"
    assert pod(workload)["tolerations"] == [
        {"key": "node-role.kubernetes.io/master", "operator": "Exists", "effect": "NoSchedule"},
        {
            "key": "node-role.kubernetes.io/control-plane",
            "operator": "Exists",
            "effect": "NoSchedule",
        },
    ]


@pytest.mark.parametrize("workload", BOTH)
def test_the_falco_container_has_every_default(workload):
    container = falco(workload)
    node_name = {"fieldRef": {"fieldPath": "spec.nodeName"}}
    probe = {
        "httpGet": {"path": "/healthz", "port": 8765},
        "timeoutSeconds": 5,
        "periodSeconds": 15,
        "failureThreshold": 3,
    }
    del container["volumeMounts"]
    assert container == {
        "name": "falco",
        "image": "docker.io/falcosecurity/falco:0.44.1",
        "args": ["/usr/bin/falco"],
        "env": [
            {"name": "HOST_ROOT", "value": "/host" if workload == "DaemonSet" else "/"},
            {"name": "FALCO_HOSTNAME", "valueFrom": node_name},
            {"name": "FALCO_K8S_NODE_NAME", "valueFrom": node_name},
        ],
        "ports": [{"containerPort": 8765, "name": "web", "protocol": "TCP"}],
        "resources": {
            "requests": {"cpu": "100m", "memory": "512Mi"},
            "limits": {"cpu": "1000m", "memory": "1024Mi"},
        },
        "securityContext": {"privileged": workload == "DaemonSet"},
        "livenessProbe": {**probe, "initialDelaySeconds": 60},
        "readinessProbe": {**probe, "initialDelaySeconds": 30},
    }


def volumes(workload):
    return {volume.pop("name"): volume for volume in pod(workload)["volumes"]}


def mounts(container):
    return {mount.pop("name"): mount for mount in container["volumeMounts"]}


def test_a_daemon_set_mounts_the_host():
    host = {name: {"hostPath": {"path": path}} for name, (path, _, _) in HOST_VOLUMES.items()}
    mounted = {
        name: {"mountPath": mount} | ({"readOnly": True} if read_only else {})
        for name, (_, mount, read_only) in HOST_VOLUMES.items()
    }
    assert volumes("DaemonSet") == host | volumes("Deployment")
    assert mounts(falco("DaemonSet")) == mounted | mounts(falco("Deployment"))


def test_a_deployment_has_only_its_own_volumes():
    limits = {
        "root-falco-fs": "1Gi",
        "falco-configs": "256Mi",
        "falco-rulesfiles": "256Mi",
        "falco-plugins": "4Gi",
        "artifact-operator-tmp": "16Mi",
    }
    assert volumes("Deployment") == {
        **{name: {"emptyDir": {"sizeLimit": limit}} for name, limit in limits.items()},
        "falco-config-default": {"configMap": {"name": "my-falco"}},
    }
    assert mounts(falco("Deployment")) == {
        "root-falco-fs": {"mountPath": "/root/.falco"},
        **{name: {"mountPath": path, "readOnly": True} for name, path in SHARED.items()},
        "falco-config-default": {"mountPath": "/etc/falco/falco.yaml", "subPath": "falco.yaml"},
    }


def test_the_sidecar_has_every_default():
    def env(name, field):
        return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": field}}}

    def probe(path, delay, period, failures):
        return {
            "httpGet": {"path": path, "port": 8081},
            "initialDelaySeconds": delay,
            "timeoutSeconds": 5,
            "periodSeconds": period,
            "failureThreshold": failures,
        }

    assert sidecar() == {
        "name": "artifact-operator",
        "image": "docker.io/falcosecurity/artifact-operator:latest",
        "restartPolicy": "Always",
        "command": ["artifact-operator"],
        "args": [
            "--gate-deadline=60s",
            "--falco-name=my-falco",
            "--falco-version=0.44.1",
            "--health-probe-bind-address=:8081",
            "--metrics-bind-address=:8080",
            "--debug-bind-address=127.0.0.1:8082",
        ],
        "env": [
            env("POD_NAME", "metadata.name"),
            env("POD_UID", "metadata.uid"),
            env("POD_NAMESPACE", "metadata.namespace"),
            env("NODE_NAME", "spec.nodeName"),
        ],
        "ports": [
            {"containerPort": 8081, "name": "health", "protocol": "TCP"},
            {"containerPort": 8080, "name": "metrics", "protocol": "TCP"},
        ],
        "resources": {
            "requests": {"cpu": "50m", "memory": "64Mi"},
            "limits": {"memory": "256Mi"},
        },
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "startupProbe": probe("/readyz", 3, 5, 20),
        "readinessProbe": probe("/readyz", 5, 10, 3),
        "livenessProbe": probe("/healthz", 15, 10, 3),
        "volumeMounts": [
            *({"name": name, "mountPath": path} for name, path in SHARED.items()),
            {"name": "artifact-operator-tmp", "mountPath": "/tmp"},
        ],
    }


@pytest.mark.parametrize("way", [ExactCheck.COPY, ExactCheck.IMAGE_VOLUME])
def test_for_the_exact_check_the_sidecar_gets_falcos_program_and_configuration(way):
    settings = SETTINGS._replace(exact_check=way)
    spec = pod_template(settings)["spec"]
    *before, container = spec["initContainers"]
    assert container["volumeMounts"][-2:] == [
        {"name": "falco-program", "mountPath": "/opt/falco-image", "readOnly": True},
        {
            "name": "falco-config-default",
            "mountPath": "/etc/falco/falco.yaml",
            "subPath": "falco.yaml",
        },
    ]
    assert "--falco-image=/opt/falco-image" in container["args"]
    assert container["resources"]["limits"] == {"memory": "384Mi"}
    [volume] = [volume for volume in spec["volumes"] if volume["name"] == "falco-program"]
    if way is ExactCheck.IMAGE_VOLUME:
        assert before == []
        assert volume["image"] == {"reference": SETTINGS.image}
        return
    [copy] = before
    assert volume["emptyDir"] == {"sizeLimit": "256Mi"}
    assert (copy["name"], copy["image"]) == ("falco-program", SETTINGS.image)
    assert copy["securityContext"] == container["securityContext"]
    assert copy["resources"] == sidecar()["resources"]
    assert copy["command"][2].startswith("timeout -s KILL 60 ")
    assert copy["volumeMounts"] == [{"name": "falco-program", "mountPath": "/falco-image"}]
    assert spec["containers"] == pod_template(SETTINGS)["spec"]["containers"]


@pytest.mark.parametrize(
    ("mode", "flags"),
    [(Validation.WARN, ["--default-validation=Warn"]), (Validation.ENFORCE, [])],
)
def test_the_sidecar_is_told_of_a_default_that_is_not_its_own(mode, flags):
    args = sidecar(SETTINGS._replace(default_validation=mode))["args"]
    assert [arg for arg in args if "validation" in arg] == flags


@pytest.mark.parametrize(
    ("seconds", "flags"), [(0.0, ["--pull-window=0s"]), (1.5, ["--pull-window=1.5s"]), (120.0, [])]
)
def test_the_sidecar_is_told_of_a_window_that_is_not_its_own(seconds, flags):
    args = sidecar(SETTINGS._replace(pull_window=seconds))["args"]
    assert [arg for arg in args if "window" in arg] == flags


@pytest.mark.parametrize("deadline", [0, 30, 60, 61, 300, 3600])
def test_the_startup_probe_outlasts_the_gate(deadline):
    container = sidecar(SETTINGS._replace(gate_deadline=deadline))
    failures = container["startupProbe"]["failureThreshold"]
    assert failures >= 20
    assert failures * 5 >= deadline + 30
    assert f"--gate-deadline={deadline}s" in container["args"]
