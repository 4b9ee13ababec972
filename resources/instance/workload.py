"""The workload of a Falco or Component, and the Service that leads to its pods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from resources.instance.dependent_defaults import completed
from resources.instance.image import Image, parse_image, with_version
from resources.instance.labels import OWNER_KIND, selector_labels
from resources.kubernetes import overlay

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from resources.instance.children import Child, Parent
    from resources.kubernetes.overlay import Template


_STRATEGY_FIELDS = {"DaemonSet": "updateStrategy", "Deployment": "strategy"}


class MainContainer(NamedTuple):
    """The main container of a workload, with the image that it runs by default."""

    name: str
    image: str
    version: str

    def image_to_run(self, template: Template | None, version: str | None, field: str) -> Image:
        """The image that the user's template names, or the default image.

        The tag or digest of the user's image wins over `version`, which wins over the default.

        Raises:
            InvalidSpec: the image is no image reference, or `version`, from the spec's `field`, is
                no tag or digest.
        """
        given = self.given(template, "image")
        where = f"spec.podTemplateSpec.spec.containers[name={self.name}].image"
        named = parse_image(given, where) if given else Image(self.image)
        if named.tag or named.digest:
            return named
        return with_version(named, version or self.version, field)

    def given(self, template: Template | None, field: str) -> Any:
        """What the user's template has in a field of the main container; None for nothing."""
        for container in (template or {}).get("spec", {}).get("containers", ()):
            if container["name"] == self.name:
                return container.get(field)
        return None


class MainWorkload(NamedTuple):
    """The workload that a resource runs: its kind, and the name of its main container."""

    kind: str
    container: str


class Port(NamedTuple):
    """A TCP port of a container, to which the Service refers by name."""

    name: str
    number: int

    def of_container(self) -> dict[str, Any]:
        """The port in the spec of the container."""
        return {"containerPort": self.number, "name": self.name, "protocol": "TCP"}

    def of_service(self) -> dict[str, Any]:
        """The port in the spec of the Service."""
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


def enforced(
    parent: Parent, container: str, image: Image, annotations: Mapping[str, str]
) -> Template:
    """The top layer of the pod template, which wins over the user's: labels and image."""
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
    """The DaemonSet or Deployment with the pod template of all layers, written after `after`.

    Without `replicas` the operator does not own the field, so an autoscaler may set it.
    """
    spec: dict[str, Any] = {
        "selector": {"matchLabels": selector_labels(parent.owner.ref.name)},
        "template": completed(overlay.pod_template(*layers)),
        _STRATEGY_FIELDS[kind]: update_strategy(kind, strategy),
    }
    if replicas is not None:
        spec["replicas"] = replicas
    return parent.child(kind, *after, spec=spec)


def _marks(parent: Parent) -> dict[str, str]:
    return {OWNER_KIND: parent.owner.ref.kind}


def http_probe(path: str, port: int | str, *, delay: int, period: int) -> dict[str, Any]:
    """An HTTP probe, first sent after `delay` seconds and then every `period` seconds."""
    return {
        "httpGet": {"path": path, "port": port},
        "initialDelaySeconds": delay,
        "timeoutSeconds": 5,
        "periodSeconds": period,
        "failureThreshold": 3,
    }


_ROLLING = "RollingUpdate"


# The defaults of the API server. The operator has to own them: a change to another type is refused
# unless the block is removed, and an apply removes only fields that it had applied (measured: a
# null does not remove the block either).
_DEFAULTS: dict[str, dict[str, Any]] = {
    "DaemonSet": {"maxUnavailable": 1, "maxSurge": 0},
    "Deployment": {"maxUnavailable": "25%", "maxSurge": "25%"},
}


def update_strategy(workload: str, given: dict[str, Any] | None) -> dict[str, Any]:
    """The user's strategy, by default RollingUpdate; only that has the `rollingUpdate` block."""
    strategy = given or {}
    kind = strategy.get("type") or _ROLLING
    if kind != _ROLLING:
        return {"type": kind}
    return {
        "type": kind,
        "rollingUpdate": {**_DEFAULTS[workload], **strategy.get("rollingUpdate", {})},
    }
