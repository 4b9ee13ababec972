"""The entry of one Plugin in falco.yaml, which shares a file with the entries of all others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resources.node_files import library_path
from resources.node_plan import INVALID, Trouble
from resources.plugin_entries import PluginEntry
from resources.text.yaml_writer import excess

if TYPE_CHECKING:
    from resources.artifact.plugin import Plugin


def entry_of(plugin: Plugin, name: str, dependencies: tuple[str, ...]) -> PluginEntry:
    """What the spec of a Plugin of this name amounts to."""
    config = plugin.spec.config
    return PluginEntry(
        name=(config.name if config else None) or name,
        library_path=(config.library_path if config else None) or library_path(name),
        init_config=config.init_config if config else None,
        open_params=config.open_params if config else None,
        dependencies=dependencies,
    )


def trouble_of_entry(plugin: Plugin) -> Trouble | None:
    """Why it cannot be written."""
    config = plugin.spec.config
    found = excess({"plugins": [{"init_config": config.init_config if config else None}]})
    return Trouble(INVALID, f"spec.config.initConfig {found}") if found else None
