"""The part of the composition root that runs workloads: Falcos and Components."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from actors.instance.actor import InstanceActor
from actors.instance.kinds import INSTANCE_KINDS
from resources.kubernetes.kinds import INSTANCES, KINDS
from supervisors.tree.child_spec import ChildSpec
from supervisors.tree.dynamic import DynamicSupervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from actors.instance.actor import InstanceServices
    from actors.runtime.backoff import Backoff
    from actors.runtime.context import Runtime
    from actors.runtime.ref import ActorRef
    from resources.falco.desired import FalcoSettings
    from resources.falco.rights import Readable
    from resources.kubernetes.reference import ObjectRef
    from supervisors.tree.dynamic import Population
    from supervisors.tree.intensity import Intensity


class Instances:
    """One crowd of actors for each kind of instance."""

    def __init__(
        self,
        runtime: Runtime,
        services: InstanceServices,
        settings: FalcoSettings,
        readable: Callable[[str], Readable],
        limits: tuple[Intensity, Backoff],
    ) -> None:
        """`readable` is what the artifacts of a namespace refer to."""
        self._runtime = runtime
        self._services = services
        self._settings = settings
        self._readable = readable
        self._limits = limits
        self._crowds: dict[str, DynamicSupervisor] = {}

    def specs(self) -> list[ChildSpec]:
        """One child for each kind."""
        return [ChildSpec(KINDS[kind].plural, partial(self._start, kind)) for kind in INSTANCES]

    @property
    def deliver(self) -> dict[str, Callable[[ObjectRef, Any], None]]:
        """How to tell an actor something, by its kind."""
        return {kind: crowd.deliver for kind, crowd in self._crowds.items()}

    def refs(self) -> Iterable[ObjectRef]:
        """The objects that have an actor or are parked."""
        for crowd in self._crowds.values():
            yield from crowd.refs

    def population(self) -> list[Population]:
        """For metrics."""
        return [count for kind, crowd in self._crowds.items() for count in crowd.population(kind)]

    def _start(self, kind: str) -> ActorRef[DynamicSupervisor]:
        intensity, backoff = self._limits
        self._crowds[kind] = DynamicSupervisor(
            self._runtime,
            KINDS[kind].plural,
            lambda ref: self._actor(ref).launch(),
            self._version_of,
            lambda ref, error: self._actor(ref).tell_parked(error),
            intensity=intensity,
            backoff=backoff,
        )
        return self._crowds[kind].launch()

    def _actor(self, ref: ObjectRef) -> InstanceActor[Any]:
        return InstanceActor(
            self._runtime,
            ref,
            INSTANCE_KINDS[ref.kind],
            self._services,
            self._settings,
            self._readable,
        )

    def _version_of(self, ref: ObjectRef) -> Hashable | None:
        snapshot = self._services.store.get(ref)
        return (snapshot.meta.uid, snapshot.meta.generation) if snapshot else None
