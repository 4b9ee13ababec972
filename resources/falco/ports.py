"""The ports at which the containers of a Falco pod listen."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

from resources.configuration.base import WEB_PORT
from resources.instance.workload import Port

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resources.kubernetes.overlay import Template
    from resources.kubernetes.reference import ObjectRef

WEB, HEALTH, METRICS, DEBUG = "web", "health", "metrics", "debug"
LOOPBACK = "127.0.0.1"
_HEALTH_PORT = 8081
_METRICS_PORT = 8080
_DEBUG_PORT = 8082
# Ports of a node that neither NodePorts nor outgoing connections take.
_FIRST, _COUNT = 20_000, 10_000


class Ports(NamedTuple):
    """The ports of one Falco's pods, which are the node's own in the host's network."""

    web: int = WEB_PORT
    health: int = _HEALTH_PORT
    metrics: int | None = _METRICS_PORT
    """None: the sidecar serves no metrics."""
    debug: int | None = _DEBUG_PORT
    """Of the loopback interface; None: the sidecar serves no dump."""
    host: str = ""
    """Where the sidecar answers probes; empty is every interface."""

    def of_falco(self) -> list[Port]:
        """The ports of the container `falco`, and of the Service."""
        return [Port(WEB, self.web)]

    def of_sidecar(self) -> list[Port]:
        """The ports of the container `artifact-operator`."""
        metrics = [Port(METRICS, self.metrics)] if self.metrics is not None else []
        return [Port(HEALTH, self.health), *metrics]

    def sidecar_flags(self) -> list[str]:
        """The flags by which the sidecar listens there and nowhere else, and asks Falco there."""
        metrics = "0" if self.metrics is None else f":{self.metrics}"
        debug = "0" if self.debug is None else f"{LOOPBACK}:{self.debug}"
        # By default the sidecar asks at the port that a Config may set.
        web = [f"--falco-web-server={self.web}"] if self.web != WEB_PORT else []
        return [
            f"--health-probe-bind-address={self.host}:{self.health}",
            f"--metrics-bind-address={metrics}",
            f"--debug-bind-address={debug}",
            *web,
        ]


def ports_of(ref: ObjectRef, template: Template, falco: str, sidecar: str) -> Ports:
    """The ports for the user's pod template: those that it names, else the defaults.

    `falco` and `sidecar` are the names of the containers. In the host's network the sidecar takes
    one port of the node's loopback interface, another for each Falco, and serves neither metrics
    nor the dump of its actors unless the template names a port for them.
    """
    spec = template.get("spec", {})
    named = {
        **_named(spec.get("containers"), falco, WEB),
        **_named(spec.get("initContainers"), sidecar, HEALTH, METRICS, DEBUG),
    }
    default = Ports()
    if spec.get("hostNetwork"):
        default = Ports(health=_own_port(ref), metrics=None, debug=None, host=LOOPBACK)
    return default._replace(
        web=named.get(WEB, default.web),
        health=named.get(HEALTH, default.health),
        metrics=named.get(METRICS, default.metrics),
        debug=named.get(DEBUG, default.debug),
    )


def _named(containers: Any, container: str, *names: str) -> Mapping[str, int]:
    """The numbers of the ports of this container that have one of these names, by name."""
    return {
        port["name"]: port["containerPort"]
        for found in containers or ()
        if found["name"] == container
        for port in found.get("ports") or ()
        if port.get("name") in names
    }


def _own_port(ref: ObjectRef) -> int:
    """A port that most likely no other Falco has."""
    digest = hashlib.sha256(f"{ref.namespace}/{ref.name}".encode()).digest()
    return _FIRST + int.from_bytes(digest[:4], "big") % _COUNT
