"""falcosidekick: forwards Falco's alerts to other systems."""

from __future__ import annotations

from resources.component.type import ComponentType
from resources.instance.rbac import rule
from resources.instance.workload import Port, http_probe

_PING = http_probe("/ping", "http", delay=10, period=5)

TYPE = ComponentType(
    name="falcosidekick",
    image="docker.io/falcosecurity/falcosidekick",
    version="2.32.0",
    replicas=2,
    ports=(Port("http", 2801),),
    container={"livenessProbe": _PING, "readinessProbe": _PING},
    pod={"securityContext": {"runAsUser": 1234, "runAsGroup": 1234, "fsGroup": 1234}},
    rules=(rule("", ["endpoints"], ["get"]),),
)
