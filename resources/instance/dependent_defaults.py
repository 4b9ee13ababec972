"""The fields of a pod template whose default depends on other fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resources.kubernetes.merge_shapes import PROBE_HANDLERS

if TYPE_CHECKING:
    from resources.kubernetes.overlay import Template


def completed(template: Template) -> Template:
    """The template with these defaults; what it has already is kept."""
    spec = dict(template["spec"])
    for place in ("initContainers", "containers"):
        if place in spec:
            spec[place] = [_container(container) for container in spec[place]]
    return {**template, "spec": spec}


def _container(container: dict[str, Any]) -> dict[str, Any]:
    return {**container, **_startup_probe(container)}


def _startup_probe(container: dict[str, Any]) -> dict[str, Any]:
    """A startup probe that has only times asks what the liveness probe asks."""
    probe, liveness = container.get("startupProbe"), container.get("livenessProbe", {})
    handler = {name: liveness[name] for name in PROBE_HANDLERS & liveness.keys()}
    if probe is None or not handler or PROBE_HANDLERS & probe.keys():
        return {}
    return {"startupProbe": {**handler, **probe}}
