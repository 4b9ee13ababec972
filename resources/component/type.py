"""What is known of one type of Component, as a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from resources.instance.workload import MainContainer

if TYPE_CHECKING:
    from resources.instance.rbac import PolicyRule
    from resources.instance.workload import Port


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentType:
    """A type of Component: what it runs and what its pods may do, if the user says nothing.

    `name` is what users write in `spec.component.type`, and the name of the main container.
    `container` has that container's fields beside name, image and ports, `pod` those of the pod
    beside the container and its ServiceAccount. A variable of `shared_env` is in the environment of
    several containers and has one value: see `resources.component.shared_env`. `rules` are for the
    Component's namespace, `cluster_rules` for the cluster.
    """

    name: str
    image: str
    version: str
    replicas: int
    ports: tuple[Port, ...]
    container: dict[str, Any] = field(default_factory=dict)
    pod: dict[str, Any] = field(default_factory=dict)
    shared_env: frozenset[str] = frozenset()
    rules: tuple[PolicyRule, ...] = ()
    cluster_rules: tuple[PolicyRule, ...] = ()

    @property
    def main(self) -> MainContainer:
        """The container that the Component is about."""
        return MainContainer(self.name, self.image, self.version)
