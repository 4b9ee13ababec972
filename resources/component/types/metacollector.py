"""metacollector: sends metadata of Kubernetes objects to every Falco."""

from __future__ import annotations

from resources.component.type import ComponentType
from resources.instance.rbac import READ, rule
from resources.instance.workload import Port, http_probe

TYPE = ComponentType(
    name="metacollector",
    image="docker.io/falcosecurity/k8s-metacollector",
    version="0.1.2",
    replicas=1,
    ports=(Port("metrics", 8080), Port("health-probe", 8081), Port("broker-grpc", 45000)),
    container={
        "command": ["/meta-collector"],
        "args": ["run"],
        "resources": {
            "requests": {"cpu": "100m", "memory": "128Mi"},
            "limits": {"cpu": "250m", "memory": "256Mi"},
        },
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "livenessProbe": http_probe("/healthz", 8081, delay=45, period=15),
        "readinessProbe": http_probe("/readyz", 8081, delay=30, period=15),
    },
    pod={
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 1000,
            "runAsGroup": 1000,
            "fsGroup": 1000,
        },
    },
    cluster_rules=(
        rule("apps", ["daemonsets", "deployments", "replicasets"], READ),
        rule("", ["endpoints", "namespaces", "pods", "replicationcontrollers", "services"], READ),
        rule("discovery.k8s.io", ["endpointslices"], READ),
    ),
)
