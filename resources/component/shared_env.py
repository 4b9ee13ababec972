"""Environment variables that several containers of a pod have to agree on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

    from resources.kubernetes.overlay import Template


def spread(shared: Collection[str], defaults: Template, given: Template) -> Template:
    """What the user says of a shared variable in one container, said in all that have it.

    It is a layer between the defaults and the user's template, so that a container for which the
    user says something of its own keeps that. Of several values the first in the pod is spread.
    The user's own containers take no part.
    """
    ours = {container["name"] for _, container in _containers(defaults)}
    said: dict[str, dict[str, Any]] = {}
    for _, container in _containers(given):
        for variable in container.get("env", ()):
            if container["name"] in ours and variable["name"] in shared:
                said.setdefault(variable["name"], variable)
    layer: dict[str, list[dict[str, Any]]] = {}
    for place, container in _containers(defaults):
        names = [variable["name"] for variable in container.get("env", ())]
        if env := [said[name] for name in names if name in said]:
            layer.setdefault(place, []).append({"name": container["name"], "env": env})
    return {"spec": layer}


def _containers(template: Template) -> list[tuple[str, dict[str, Any]]]:
    spec = template.get("spec", {})
    return [
        (place, container)
        for place in ("initContainers", "containers")
        for container in spec.get(place, ())
    ]
