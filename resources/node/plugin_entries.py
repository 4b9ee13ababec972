"""The entries of Plugins in falco.yaml: each as its spec gives it, and all as one file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from resources.node.files import library_path
from resources.text.yaml_writer import excess, yaml_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resources.artifact.plugin import Plugin
    from resources.node.slots import SlotId


class PluginEntry(NamedTuple):
    """One plugin in Falco's configuration; `dependencies` are names of other entries."""

    name: str
    library_path: str
    init_config: Any = None
    open_params: str | None = None
    dependencies: tuple[str, ...] = ()


class Claim(NamedTuple):
    """The claim of a Plugin's slot to an entry name; `created` is its creationTimestamp."""

    entry: str
    slot: SlotId
    created: str


def entry_of(plugin: Plugin, name: str, dependencies: tuple[str, ...]) -> PluginEntry:
    """The entry that the spec of a Plugin of this name asks for."""
    config = plugin.spec.config
    return PluginEntry(
        name=(config.name if config else None) or name,
        library_path=(config.library_path if config else None) or library_path(name),
        init_config=config.init_config if config else None,
        open_params=config.open_params if config else None,
        dependencies=dependencies,
    )


def entry_problem(plugin: Plugin) -> str:
    """Why the entry of a Plugin cannot be written as YAML; empty if it can."""
    config = plugin.spec.config
    problem = unwritable(config.init_config if config else None)
    return f"spec.config.initConfig {problem}" if problem else ""


def unwritable(init_config: Any) -> str:
    """Why the file of entries cannot hold this `init_config`; empty if it can."""
    return excess({"plugins": [{"init_config": init_config}]})


def plugin_entries(plugins: Iterable[PluginEntry]) -> str:
    """The text of the file, the same for the same plugins whatever their order.

    A plugin comes after the plugins that it depends on; otherwise the order is by name.
    """
    ordered = _ordered({plugin.name: plugin for plugin in plugins})
    return yaml_text(
        {
            "plugins": [_entry(plugin) for plugin in ordered],
            "load_plugins": [plugin.name for plugin in ordered],
        }
    )


def older_wins(claims: Iterable[Claim]) -> dict[SlotId, SlotId]:
    """The slots that do not get their entry name, each with the slot that has the name instead.

    Of two equally old Plugins the first by slot id as text wins.
    """
    holders: dict[str, SlotId] = {}
    losers: dict[SlotId, SlotId] = {}
    for claim in sorted(claims, key=lambda claim: (claim.created, str(claim.slot))):
        holder = holders.setdefault(claim.entry, claim.slot)
        if holder != claim.slot:
            losers[claim.slot] = holder
    return losers


def _entry(plugin: PluginEntry) -> dict[str, Any]:
    entry = {"name": plugin.name, "library_path": plugin.library_path}
    if plugin.init_config is not None:
        entry["init_config"] = plugin.init_config
    if plugin.open_params is not None:
        entry["open_params"] = plugin.open_params
    return entry


def _ordered(plugins: dict[str, PluginEntry]) -> list[PluginEntry]:
    """Dependencies first; a dependency that closes a circle is passed over."""
    ordered: list[PluginEntry] = []
    visited: set[str] = set()

    def visit(name: str) -> None:
        if name in visited or name not in plugins:
            return
        visited.add(name)
        for dependency in sorted(plugins[name].dependencies):
            visit(dependency)
        ordered.append(plugins[name])

    for name in sorted(plugins):
        visit(name)
    return ordered
