"""What an artifact needs of the Falco that loads it, and of the plugins beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from resources.registry.request import Dependency, Requirement
from resources.rules.items import EngineRequirement, PluginRequirement

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resources.rules.items import RulesContent

ENGINE, PLUGIN_API = "engine_version_semver", "plugin_api_version"
"""The names by which configs of OCI artifacts require versions of Falco."""

_MOST = 20
# Characters of a name or version; a plugin with a longer name than that is none of ours.
_LONGEST = 128


class Needs(msgspec.Struct, frozen=True, omit_defaults=True):
    """Least versions of parts of Falco, and plugins, each with its alternatives."""

    requirements: tuple[Requirement, ...] = ()
    dependencies: tuple[Dependency, ...] = ()


def needs(requirements: Iterable[Requirement], dependencies: Iterable[Dependency]) -> Needs:
    """Each of them once, and no more of each than a person reads."""
    return Needs(
        tuple(dict.fromkeys(requirements))[:_MOST], tuple(dict.fromkeys(dependencies))[:_MOST]
    )


def needs_of_rules(content: RulesContent) -> Needs:
    """What a rules file requires."""
    engines = (item for item in content.items if isinstance(item, EngineRequirement))
    plugins = (item for item in content.items if isinstance(item, PluginRequirement))
    return needs(
        (_requirement(ENGINE, item.version) for item in engines),
        (_dependency(item) for item in plugins if item.alternatives),
    )


def _dependency(item: PluginRequirement) -> Dependency:
    (name, version), *others = item.alternatives
    alternatives = tuple(_requirement(*other) for other in others[:_MOST])
    return Dependency(name[:_LONGEST], version[:_LONGEST], alternatives)


def _requirement(name: str, version: str) -> Requirement:
    return Requirement(name[:_LONGEST], version[:_LONGEST])
