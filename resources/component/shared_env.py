"""Environment variables that must have the same value in several containers of a pod."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

    from resources.kubernetes.overlay import Template


def spread(shared: Collection[str], defaults: Template, given: Template) -> Template:
    """A layer of the pod template that copies the user's value of a shared variable.

    A variable that the user sets in one of the default containers is set in all default containers
    that have it. The layer lies below the user's template, so a container for which the user sets
    another value keeps that value. Of several values, the first in the pod is copied. Containers
    that the user adds are left alone.
    """
    ours = {container["name"] for _, container in _containers(defaults)}
    users: dict[str, dict[str, Any]] = {}
    for _, container in _containers(given):
        for variable in container.get("env", ()):
            if container["name"] in ours and variable["name"] in shared:
                users.setdefault(variable["name"], variable)
    layer: dict[str, list[dict[str, Any]]] = {}
    for place, container in _containers(defaults):
        names = [variable["name"] for variable in container.get("env", ())]
        if env := [users[name] for name in names if name in users]:
            layer.setdefault(place, []).append({"name": container["name"], "env": env})
    return {"spec": layer}


def _containers(template: Template) -> list[tuple[str, dict[str, Any]]]:
    spec = template.get("spec", {})
    return [
        (place, container)
        for place in ("initContainers", "containers")
        for container in spec.get(place, ())
    ]
