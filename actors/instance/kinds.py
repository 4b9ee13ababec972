"""Falco: one actor for every Falco resource."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.json import Decoder

from actors.instance.actor import InstanceActor
from resources.component import desired as component
from resources.component.spec import FIELD_MANAGER, FINALIZER, Component
from resources.falco import desired as falco
from resources.falco.spec import FIELD_MANAGER, FINALIZER, Falco

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actors.instance.incarnation import Services
    from actors.runtime.context import Runtime
    from resources.falco.desired import FalcoSettings
    from resources.falco.rights import Readable
    from resources.instance.children import Child
    from resources.instance.outcome import Outcome
    from resources.kubernetes.reference import ObjectRef


_decoder = Decoder(Falco)


class FalcoActor(InstanceActor[Falco]):
    """Turns one Falco into a DaemonSet or Deployment and what its pods need."""

    kind = "Falco"
    finalizer = FINALIZER
    manager = FIELD_MANAGER

    def __init__(
        self,
        runtime: Runtime,
        ref: ObjectRef,
        services: Services,
        settings: FalcoSettings,
        readable: Callable[[str], Readable],
    ) -> None:
        """`readable` is what the artifacts of a namespace refer to."""
        super().__init__(runtime, ref, services)
        self._settings = settings
        self._readable = readable

    def decode(self, raw: bytes) -> Falco:
        """Return the Falco, without the fields that are not read."""
        return _decoder.decode(raw)

    def desired(self, resource: Falco) -> tuple[Child, ...]:
        """Return every child of the Falco."""
        return falco.desired(resource, self._settings, self._readable(self.ref.namespace))

    def workload(self, resource: Falco) -> ObjectRef:
        """Return the workload of its type."""
        return falco.workload_ref(resource)

    def status(
        self, resource: Falco, outcome: Outcome, workload: dict[str, Any] | None
    ) -> dict[str, Any]:
        """Return the status as of now."""
        return falco.status(resource, outcome, workload, self.runtime.clock.now())


_decoder = Decoder(Component)


class ComponentActor(InstanceActor[Component]):
    """Turns one Component into a Deployment and what its pods need."""

    kind = "Component"
    finalizer = FINALIZER
    manager = FIELD_MANAGER

    def __init__(
        self,
        runtime: Runtime,
        ref: ObjectRef,
        services: Services,
        excluded_labels: Sequence[str],
    ) -> None:
        super().__init__(runtime, ref, services)
        self._excluded_labels = excluded_labels

    def decode(self, raw: bytes) -> Component:
        """Return the Component, without the fields that are not read."""
        return _decoder.decode(raw)

    def desired(self, resource: Component) -> tuple[Child, ...]:
        """Return every child of the Component."""
        return component.desired(resource, self._excluded_labels)

    def workload(self, resource: Component) -> ObjectRef:
        """Return the Deployment."""
        return component.workload_ref(resource)

    def status(
        self, resource: Component, outcome: Outcome, workload: dict[str, Any] | None
    ) -> dict[str, Any]:
        """Return the status as of now."""
        return component.status(resource, outcome, workload, self.runtime.clock.now())
