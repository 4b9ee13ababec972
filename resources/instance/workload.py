"""What runs a resource's pods and what leads to them, made alike for every kind that has pods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from resources.instance.image import Image, parse_image, with_version
from resources.instance.labels import OWNER_KIND, selector_labels
from resources.kubernetes import overlay

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from resources.instance.children import Child, Parent
    from resources.kubernetes.overlay import Template


_STRATEGY_FIELDS = {"DaemonSet": "updateStrategy", "Deployment": "strategy"}


class MainContainer(NamedTuple):
    """The container that a resource is about, and what it runs if the user says nothing."""

    name: str
    image: str
    version: str

    def image_to_run(self, template: Template | None, version: str | None, field: str) -> Image:
        """The image in the user's template; its tag or digest goes before `version` of the spec.

        Raises:
            InvalidSpec: the image, or the version, which came from `field`, is none.
        """
        given = self._given(template or {})
        where = f"spec.podTemplateSpec.spec.containers[name={self.name}].image"
        named = parse_image(given, where) if given else Image(self.image)
        if named.tag or named.digest:
            return named
        return with_version(named, version or self.version, field)

    def _given(self, template: Template) -> str | None:
        for container in template.get("spec", {}).get("containers", ()):
            if container["name"] == self.name:
                given: str | None = container.get("image")
                return given
        return None


class MainWorkload(NamedTuple):
    """The workload that a resource runs: its kind, and the name of its main container."""

    kind: str
    container: str


class Port(NamedTuple):
    """A TCP port of a container, which the Service finds by its name."""

    name: str
    number: int

    def of_container(self) -> dict[str, Any]:
        """As it stands in the container."""
        return {"containerPort": self.number, "name": self.name, "protocol": "TCP"}

    def of_service(self) -> dict[str, Any]:
        """As it stands in the Service."""
        return {
            "name": self.name,
            "port": self.number,
            "protocol": "TCP",
            "targetPort": self.name,
        }


def service(parent: Parent, ports: Iterable[Port]) -> Child:
    """The Service that leads to the pods."""
    selector = selector_labels(parent.owner.ref.name)
    return parent.child(
        "Service", spec={"selector": selector, "ports": [port.of_service() for port in ports]}
    )


def pod_labels(parent: Parent) -> dict[str, str]:
    """The default labels of the pods."""
    return {**parent.labels, **_marks(parent)}


def insisted(
    parent: Parent, container: str, image: Image, annotations: Mapping[str, str]
) -> Template:
    """What no user's template can change: what the pods are found by, and what they run."""
    labels = {**selector_labels(parent.owner.ref.name), **_marks(parent)}
    return {
        "metadata": {"labels": labels} | ({"annotations": annotations} if annotations else {}),
        "spec": {"containers": [{"name": container, "image": str(image)}]},
    }


def workload(
    parent: Parent,
    kind: str,
    layers: Iterable[Template],
    *after: str,
    strategy: dict[str, Any] | None,
    replicas: int | None = None,
) -> Child:
    """The DaemonSet or Deployment whose pod template the layers make, written after those kinds.

    Without `replicas` the field is not ours, so an autoscaler may have it.
    """
    spec: dict[str, Any] = {
        "selector": {"matchLabels": selector_labels(parent.owner.ref.name)},
        "template": overlay.pod_template(*layers),
        _STRATEGY_FIELDS[kind]: update_strategy(kind, strategy),
    }
    if replicas is not None:
        spec["replicas"] = replicas
    return parent.child(kind, *after, spec=spec)


def _marks(parent: Parent) -> dict[str, str]:
    return {OWNER_KIND: parent.owner.ref.kind}


def http_probe(path: str, port: int | str, *, delay: int, period: int) -> dict[str, Any]:
    """An HTTP probe; the first one after `delay` seconds, then one every `period` seconds."""
    return {
        "httpGet": {"path": path, "port": port},
        "initialDelaySeconds": delay,
        "timeoutSeconds": 5,
        "periodSeconds": period,
        "failureThreshold": 3,
    }


_ROLLING = "RollingUpdate"


# What the API server would fill in. It has to be ours: a change to another type is refused unless
# the block goes with it, and an apply removes only what was applied (measured: not even by null).
_DEFAULTS: dict[str, dict[str, Any]] = {
    "DaemonSet": {"maxUnavailable": 1, "maxSurge": 0},
    "Deployment": {"maxUnavailable": "25%", "maxSurge": "25%"},
}


def update_strategy(workload: str, given: dict[str, Any] | None) -> dict[str, Any]:
    """What the user says, or RollingUpdate; other types come without the `rollingUpdate` block."""
    strategy = given or {}
    kind = strategy.get("type", _ROLLING)
    if kind != _ROLLING:
        return {"type": kind}
    return {
        "type": kind,
        "rollingUpdate": {**_DEFAULTS[workload], **strategy.get("rollingUpdate", {})},
    }
