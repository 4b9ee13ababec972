"""What the actor of an instance has to know of each kind: Falco and Component."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from msgspec.json import Decoder

from resources.component import desired as component
from resources.component import spec as component_spec
from resources.falco import desired as falco
from resources.falco import spec as falco_spec
from resources.instance.status import Instance

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from resources.falco.desired import FalcoSettings
    from resources.falco.rights import Readable
    from resources.instance.children import Child
    from resources.instance.outcome import Outcome
    from resources.kubernetes.reference import ObjectRef

R = TypeVar("R", bound=Instance)


@dataclass(frozen=True, slots=True)
class InstanceKind(Generic[R]):
    """What differs between the kinds of resources that run a workload.

    `decode` returns the resource with the fields in use; `desired` returns every child by wave and
    raises InvalidSpec if the spec cannot be carried out; `workload_ref` returns the name of the
    wanted workload; `status` returns the content of `.status`.
    """

    name: str
    finalizer: str
    field_manager: str
    decode: Callable[[bytes], R]
    desired: Callable[[R, FalcoSettings, Readable], tuple[Child, ...]]
    workload_ref: Callable[[R], ObjectRef]
    status: Callable[[R, Outcome, dict[str, Any] | None, datetime], dict[str, Any]]


FALCO = InstanceKind(
    name="Falco",
    finalizer=falco_spec.FINALIZER,
    field_manager=falco_spec.FIELD_MANAGER,
    decode=Decoder(falco_spec.Falco).decode,
    desired=falco.desired,
    workload_ref=falco.workload_ref,
    status=falco.status,
)
COMPONENT = InstanceKind(
    name="Component",
    finalizer=component_spec.FINALIZER,
    field_manager=component_spec.FIELD_MANAGER,
    decode=Decoder(component_spec.Component).decode,
    desired=lambda resource, settings, _: component.desired(resource, settings.excluded_labels),
    workload_ref=component.workload_ref,
    status=component.status,
)
INSTANCE_KINDS: dict[str, InstanceKind[Any]] = {kind.name: kind for kind in (FALCO, COMPONENT)}
