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

    from resources.falco.desired import FalcoSettings
    from resources.falco.rights import Readable
    from resources.instance.children import Child
    from resources.instance.workload import MainWorkload

R = TypeVar("R", bound=Instance)


@dataclass(frozen=True, slots=True)
class InstanceKind(Generic[R]):
    """What differs between the kinds of resources that run a workload.

    `decode` returns the resource with the fields in use; `desired` returns every child by wave and
    raises InvalidSpec if the spec cannot be carried out; `main_workload` tells which workload
    there should be.
    """

    name: str
    finalizer: str
    field_manager: str
    decode: Callable[[bytes], R]
    desired: Callable[[R, FalcoSettings, Readable], tuple[Child, ...]]
    main_workload: Callable[[R], MainWorkload]


FALCO = InstanceKind(
    name="Falco",
    finalizer=falco_spec.FINALIZER,
    field_manager=falco_spec.FIELD_MANAGER,
    decode=Decoder(falco_spec.Falco).decode,
    desired=falco.desired,
    main_workload=falco.main_workload,
)
COMPONENT = InstanceKind(
    name="Component",
    finalizer=component_spec.FINALIZER,
    field_manager=component_spec.FIELD_MANAGER,
    decode=Decoder(component_spec.Component).decode,
    desired=lambda resource, settings, _: component.desired(resource, settings.excluded_labels),
    main_workload=component.main_workload,
)
INSTANCE_KINDS: dict[str, InstanceKind[Any]] = {kind.name: kind for kind in (FALCO, COMPONENT)}
