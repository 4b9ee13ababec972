"""ComponentType: all that the operator knows about one type of Component, as a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from resources.instance.workload import MainContainer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resources.instance.rbac import PolicyRule
    from resources.instance.workload import Port


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentType:
    """A type of Component: the defaults of its workload, and the rights of its pods.

    `name` is the value of `spec.component.type` and the name of the main container. `container` has
    the fields of that container except name, image and ports; `pod` has the fields of the pod spec
    except the main container and the ServiceAccount. The variables in `shared_env` have the same
    value in all containers that have them, which the user may also set by the name that stands for
    each there: see `resources.component.shared_env`. `rules` are rights
    in the Component's namespace, `cluster_rules` rights in the cluster.
    """

    name: str
    image: str
    version: str
    replicas: int
    ports: tuple[Port, ...]
    container: dict[str, Any] = field(default_factory=dict)
    pod: dict[str, Any] = field(default_factory=dict)
    shared_env: Mapping[str, str] = field(default_factory=dict)
    rules: tuple[PolicyRule, ...] = ()
    cluster_rules: tuple[PolicyRule, ...] = ()

    @property
    def main(self) -> MainContainer:
        """The main container, with its default image and version."""
        return MainContainer(self.name, self.image, self.version)
