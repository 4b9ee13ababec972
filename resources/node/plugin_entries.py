"""The file that tells Falco which plugins to load: the entries of all Plugins of a node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from resources.text.yaml_writer import yaml_text

if TYPE_CHECKING:
    from collections.abc import Iterable


class PluginEntry(NamedTuple):
    """One plugin in Falco's configuration; `dependencies` are names of other entries."""

    name: str
    library_path: str
    init_config: Any = None
    open_params: str | None = None
    dependencies: tuple[str, ...] = ()


class Claim(NamedTuple):
    """A Plugin that wants an entry name; `created` is its creationTimestamp."""

    entry: str
    resource: str
    created: str


def plugin_entries(plugins: Iterable[PluginEntry]) -> str:
    """The text of the file, the same for the same plugins whatever their order.

    A plugin comes after those that it depends on, else by name.
    """
    ordered = _ordered({plugin.name: plugin for plugin in plugins})
    return yaml_text(
        {
            "plugins": [_entry(plugin) for plugin in ordered],
            "load_plugins": [plugin.name for plugin in ordered],
        }
    )


def older_wins(claims: Iterable[Claim]) -> dict[str, str]:
    """Which resources do not get their entry name, and the resource that has it instead.

    Of two that are equally old the one whose name sorts first wins.
    """
    holders: dict[str, str] = {}
    losers: dict[str, str] = {}
    for claim in sorted(claims, key=lambda claim: (claim.created, claim.resource)):
        holder = holders.setdefault(claim.entry, claim.resource)
        if holder != claim.resource:
            losers[claim.resource] = holder
    return losers


def _entry(plugin: PluginEntry) -> dict[str, Any]:
    entry = {"name": plugin.name, "library_path": plugin.library_path}
    if plugin.init_config is not None:
        entry["init_config"] = plugin.init_config
    if plugin.open_params is not None:
        entry["open_params"] = plugin.open_params
    return entry


def _ordered(plugins: dict[str, PluginEntry]) -> list[PluginEntry]:
    """Dependencies first; one that leads back to where it came from is passed over."""
    done: list[PluginEntry] = []
    seen: set[str] = set()

    def visit(name: str) -> None:
        if name in seen or name not in plugins:
            return
        seen.add(name)
        for dependency in sorted(plugins[name].dependencies):
            visit(dependency)
        done.append(plugins[name])

    for name in sorted(plugins):
        visit(name)
    return done
