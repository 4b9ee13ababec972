"""The children of a Falco or Component in a file, as the operator would make them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from resources.component import desired as component
from resources.component.spec import Component
from resources.falco import desired as falco
from resources.falco.rights import Readable
from resources.falco.spec import Falco
from resources.kubernetes.invalid_spec import InvalidSpec

if TYPE_CHECKING:
    from cli.analyze.contents import Resource
    from resources.falco.desired import FalcoSettings
    from resources.instance.children import Child

NOBODY = Readable()
NO_UID = "00000000-0000-0000-0000-000000000000"
"""In the place of the uid that only the API server gives."""


class Running(NamedTuple):
    """The workload and the release of a Falco."""

    workload: str
    version: str


def children_of(
    resource: Resource, settings: FalcoSettings, uid: str = NO_UID, readable: Readable = NOBODY
) -> tuple[Child, ...]:
    """Every child, in the order of writing; `readable` is what artifacts of the namespace name.

    Raises:
        InvalidSpec: the spec cannot be carried out.
        msgspec.DecodeError: a field has a type that the CRD does not allow.
    """
    raw = _raw(resource, uid)
    try:
        if resource.kind == "Component":
            owner = msgspec.json.decode(raw, type=Component)
            return component.desired(owner, settings.excluded_labels)
        return falco.desired(msgspec.json.decode(raw, type=Falco), settings, readable)
    except (AttributeError, KeyError, TypeError) as error:
        # The API server has checked what the operator reads, and nobody has checked a file.
        template = resource.document.value["spec"].get("podTemplateSpec")
        allowed = "what a pod has: items of lists are objects, and have names"
        raise InvalidSpec("spec.podTemplateSpec", template, allowed) from error


def running_of(resource: Resource) -> Running:
    """What a Falco runs; raises as `children_of`."""
    decoded = msgspec.json.decode(_raw(resource), type=Falco)
    return Running(falco.main_workload(decoded).kind, falco.resolved_version(decoded))


def _raw(resource: Resource, uid: str = NO_UID) -> bytes:
    value = resource.document.value
    metadata = {**value["metadata"], "namespace": resource.namespace, "uid": uid}
    return msgspec.json.encode({**value, "metadata": metadata})
