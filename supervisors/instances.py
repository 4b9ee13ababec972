"""The part of the composition root that runs the actors of Falcos and Components."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from actors.instance.actor import InstanceActor
from actors.instance.kinds import INSTANCE_KINDS
from resources.kubernetes.kinds import INSTANCES, KINDS
from resources.kubernetes.meta import trial_of
from supervisors.tree.dynamic import DynamicSupervisor
from supervisors.tree.registered_child import RegisteredChild

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from actors.instance.actor import InstanceServices
    from actors.runtime.backoff import Backoff
    from actors.runtime.context import Runtime
    from resources.falco.desired import FalcoSettings
    from resources.falco.rights import Readable
    from resources.kubernetes.reference import ObjectRef
    from supervisors.tree.intensity import Intensity


class Instances:
    """For each kind of instance a supervisor of the actors of its resources."""

    def __init__(
        self,
        runtime: Runtime,
        services: InstanceServices,
        settings: Callable[[], FalcoSettings],
        readable: Callable[[str], Readable],
        limits: tuple[Intensity, Backoff],
    ) -> None:
        """`settings` returns those of now, `readable` what the artifacts of a namespace name."""
        self._runtime = runtime
        self._services = services
        self._settings = settings
        self._readable = readable
        self._limits = limits
        self.supervisors = {
            kind: RegisteredChild(KINDS[kind].plural, partial(self._make_supervisor, kind))
            for kind in INSTANCES
        }
        """The supervisors of the actors, by kind."""

    def _make_supervisor(self, kind: str) -> DynamicSupervisor:
        intensity, backoff = self._limits
        return DynamicSupervisor(
            self._runtime,
            KINDS[kind].plural,
            lambda ref: self._actor(ref).launch(),
            self._version_of,
            lambda ref, error: self._actor(ref).tell_parked(error),
            intensity=intensity,
            backoff=backoff,
        )

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
        return trial_of(snapshot.meta) if snapshot else None
