"""The fields of a pod template whose default depends on other fields.

The API server fills in such a default once and keeps it, without an owner, when the other field
changes: after `latest` and then a pinned tag, the pull policy would stay `Always`. So the
operator sets these fields itself. No other default can differ: what it depends on does not change
here (`targetPort` of a Service), it is filled in anew for each pod (`requests` from `limits`), or
it goes with the field (`scheme` with `httpGet`, `defaultMode` with the source of a volume).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resources.instance.image import pull_policy
from resources.kubernetes.merge_shapes import PROBE_HANDLERS

if TYPE_CHECKING:
    from resources.kubernetes.overlay import Template


def completed(template: Template) -> Template:
    """The template with these defaults; what it has already is kept."""
    spec = dict(template["spec"])
    for place in ("initContainers", "containers"):
        if place in spec:
            spec[place] = [_container(container) for container in spec[place]]
    if "volumes" in spec:
        spec["volumes"] = [_volume(volume) for volume in spec["volumes"]]
    return {**template, "spec": spec}


def _container(container: dict[str, Any]) -> dict[str, Any]:
    policy = _pull_policy("imagePullPolicy", container, "image")
    return {**policy, **container, **_startup_probe(container)}


def _volume(volume: dict[str, Any]) -> dict[str, Any]:
    if volume.keys() <= {"name"}:
        return {**volume, "emptyDir": {}}
    image = volume.get("image")
    if not image:
        return volume
    return {**volume, "image": {**_pull_policy("pullPolicy", image, "reference"), **image}}


def _pull_policy(field: str, holder: dict[str, Any], reference: str) -> dict[str, str]:
    return {field: pull_policy(holder[reference])} if holder.get(reference) else {}


def _startup_probe(container: dict[str, Any]) -> dict[str, Any]:
    """A startup probe that has only times asks what the liveness probe asks."""
    probe, liveness = container.get("startupProbe"), container.get("livenessProbe", {})
    handler = {name: liveness[name] for name in PROBE_HANDLERS & liveness.keys()}
    if probe is None or not handler or PROBE_HANDLERS & probe.keys():
        return {}
    return {"startupProbe": {**handler, **probe}}
