"""The catalog of all types of Component: the `TYPE` of each file in `resources.component.types`."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType
from typing import TYPE_CHECKING

from resources.component import types as component_types

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resources.component.type import ComponentType
    from resources.instance.rbac import PolicyRule


def _types() -> dict[str, ComponentType]:
    files = sorted(module.name for module in iter_modules(component_types.__path__))
    types = (import_module(f"{component_types.__name__}.{file}").TYPE for file in files)
    return {component_type.name: component_type for component_type in types}


COMPONENT_TYPES: Mapping[str, ComponentType] = MappingProxyType(_types())


def granted_rules() -> tuple[PolicyRule, ...]:
    """The rights that any type grants to its pods; the operator must hold all of them."""
    return tuple(
        rule
        for component_type in COMPONENT_TYPES.values()
        for rule in (*component_type.rules, *component_type.cluster_rules)
    )
