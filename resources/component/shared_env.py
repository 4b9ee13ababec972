"""Environment variables that must have the same value in several containers of a pod."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from resources.kubernetes.overlay import Template


# `$(NAME)` in a value; `$$(NAME)` is a literal (Kubernetes).
_REFERENCE = re.compile(r"(?<!\$)(?:\$\$)*\$\(([^()]+)\)")


def spread(shared: Mapping[str, str], defaults: Template, given: Template) -> Template:
    """A layer of the pod template that copies the user's value of a shared variable.

    A variable that the user sets in one of the default containers is set in all default containers
    that have it, and with it the variables before it that its value refers to. The layer lies below
    the user's template, so a container for which the user sets another value keeps that value. Of
    several values, the first in the pod is copied. Containers that the user adds are left alone.
    `shared` has for each variable the program's own name for it: a value that the user sets by that
    name counts if the variable itself is not set, and the value does not refer to it.
    """
    ours = {container["name"] for _, container in _containers(defaults)}
    set_by_user = _with_references(given, ours)
    users: dict[str, list[dict[str, Any]]] = {}
    for name, own in shared.items():
        variables = set_by_user.get(name) or _usable(set_by_user.get(own, []), name)
        if variables:
            *referred, variable = variables
            users[name] = [*referred, {**variable, "name": name}]
    layer: dict[str, list[dict[str, Any]]] = {}
    for place, container in _containers(defaults):
        names = [variable["name"] for variable in container.get("env", ())]
        copied = [variable for name in names for variable in users.get(name, ())]
        if env := list({variable["name"]: variable for variable in copied}.values()):
            layer.setdefault(place, []).append({"name": container["name"], "env": env})
    return {"spec": layer}


def _usable(variables: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """These variables, unless the last is empty, or one would refer to the variable of this name.

    The last is to be set under that name, and would then refer to itself.
    """
    refers = any(name in _REFERENCE.findall(each.get("value", "")) for each in variables)
    is_empty = not variables or not (variables[-1].get("value") or variables[-1].get("valueFrom"))
    return [] if refers or is_empty else variables


def _with_references(given: Template, ours: Collection[str]) -> dict[str, list[dict[str, Any]]]:
    """The first variable of each name in these containers, after those that its value refers to."""
    found: dict[str, list[dict[str, Any]]] = {}
    for _, container in _containers(given):
        before: list[dict[str, Any]] = []
        for variable in container.get("env", ()):
            if container["name"] in ours:
                found.setdefault(variable["name"], [*_referred(variable, before), variable])
            before.append(variable)
    return found


def _referred(variable: dict[str, Any], before: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The variables of `before` that a value refers to, directly or through others, in order."""
    wanted = set(_REFERENCE.findall(variable.get("value", "")))
    found = []
    for earlier in reversed(before):
        if earlier["name"] in wanted:
            wanted |= set(_REFERENCE.findall(earlier.get("value", "")))
            found.append(earlier)
    return found[::-1]


def _containers(template: Template) -> list[tuple[str, dict[str, Any]]]:
    spec = template.get("spec", {})
    return [
        (place, container)
        for place in ("initContainers", "containers")
        for container in spec.get(place, ())
    ]
