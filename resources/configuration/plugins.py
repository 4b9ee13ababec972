"""The plugins that Falco would load: their entries in the configuration, and their libraries.

The checks are those of Falco's configuration.h (plugin_config) and configuration.cpp, and of
libsinsp's plugin manager, which refuses a second plugin of the same name.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, NamedTuple

from resources.configuration.fragment import has_variable
from resources.configuration.official_plugins import OFFICIAL
from resources.text import yaml_node
from resources.text.messages import Finding, shown
from resources.text.yaml_node import (
    YamlList,
    YamlMap,
    YamlNode,
    YamlScalar,
    describe,
    is_null,
    text_or_null,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from resources.configuration.merge import ConfigValue, MergedConfig

DIRECTORY = "/usr/share/falco/plugins/"


class LoadedPlugin(NamedTuple):
    """An entry of `plugins`; the path is absolute, or empty if it has an environment variable.

    `init_config` matters for its kind only, so lists and maps may be without their contents.
    """

    origin: str
    line: int
    name: str
    path: str
    init_config: object = None


class BadEntry(ValueError):  # noqa: N818 - it describes the entry, not a failure of ours
    """An entry of `plugins` that Falco would not accept."""


class Plugins:
    """The plugins of a configuration: `loaded` has those that Falco loads, by name."""

    def __init__(
        self, merged: MergedConfig, own: list[LoadedPlugin], libraries: Collection[str]
    ) -> None:
        """`own` are the entries of Plugin resources, the last ones; `libraries` are file names."""
        self.loaded: dict[str, LoadedPlugin] = {}
        # Whether the name of one that is loaded has an environment variable in it.
        self.has_unknown = _has_variables(merged)
        self.problems: list[Finding] = []
        self.warnings: list[Finding] = []
        if own:
            self._check_lists(merged)
        entries = [*self._entries(merged), *own]
        first = {entry.name: entry for entry in reversed(entries)}
        for entry in entries:
            if first[entry.name] is not entry:
                message = f"plugin {shown(entry.name)}: an earlier entry of that name counts"
                self.warnings.append(Finding(entry.origin, message))
        self._load(merged, own, first, libraries)

    def _check_lists(self, merged: MergedConfig) -> None:
        """Report a value that is no list: Falco could not append the entries of Plugins to it."""
        for key in ("plugins", "load_plugins"):
            piece = merged.values.get(key)
            if piece is not None and not is_null(piece.value):
                text = f"key {key} (line {piece.line}): it must be a list, so that Plugins can join"
                self.problems.append(Finding(piece.origin, text))

    def _entries(self, merged: MergedConfig) -> Iterator[LoadedPlugin]:
        single = merged.values.get("plugins")
        scalars = [single] if single and yaml_node.text(single.value) is not None else []
        for piece in [*merged.lists.get("plugins", ()), *scalars]:
            try:
                yield _entry(piece)
            except BadEntry as error:
                text = f"key plugins (line {piece.line}): {error}"
                self.problems.append(Finding(piece.origin, text))

    def _load(
        self,
        merged: MergedConfig,
        own: list[LoadedPlugin],
        first: dict[str, LoadedPlugin],
        libraries: Collection[str],
    ) -> None:
        for origin, line, name in [*_named(merged), *((e.origin, 0, e.name) for e in own)]:
            where = f"key load_plugins (line {line})" if line else "its entry"
            entry = first.get(name)
            if entry is None:
                message = f"{where}: no entry of plugins has the name {shown(name)}"
                self.problems.append(Finding(origin, message))
            elif name in self.loaded:
                message = f"{where}: plugin {shown(name)} is loaded already, and cannot be twice"
                self.problems.append(Finding(origin, message))
            else:
                self.loaded[name] = entry
                if line:
                    self._check_init_config(entry)
                if entry.path.startswith(DIRECTORY) and not _is_there(entry.path, libraries):
                    message = f"plugin {shown(name)}: there is no library {shown(entry.path)}"
                    self.problems.append(Finding(entry.origin, message))

    def _check_init_config(self, entry: LoadedPlugin) -> None:
        try:
            check_init_config(entry.name, "init_config", entry.init_config)
        except BadEntry as error:
            text = f"key plugins (line {entry.line}): {error}"
            self.problems.append(Finding(entry.origin, text))


def absolute(path: str) -> str:
    """The absolute path at which Falco looks for a library, without `.` and `..`.

    Raises:
        BadEntry: the path is relative and leads out of the directory of plugins.
    """
    if path.startswith("/"):
        return posixpath.normpath(path)
    result = posixpath.normpath(DIRECTORY + path)
    if not f"{result}/".startswith(DIRECTORY):
        raise BadEntry(f"library_path {shown(path)} leads out of {DIRECTORY}")
    return result if result.startswith(DIRECTORY) else DIRECTORY


def _entry(piece: ConfigValue) -> LoadedPlugin:
    value = piece.value
    if not isinstance(value, YamlMap):
        raise BadEntry(f"an entry must be a map, not {describe(value)}")
    name, path = yaml_node.lookup(value, "name"), yaml_node.lookup(value, "library_path")
    title = text_or_null(name)
    if title is None:
        raise BadEntry("an entry has no name" if name is None else "a name must be text")
    if path is None or not isinstance(path, YamlScalar):
        raise BadEntry(f"plugin {shown(title)} has no library_path")
    init_config = yaml_node.lookup(value, "init_config")
    open_params = yaml_node.lookup(value, "open_params")
    config = None if init_config is None or has_variable(init_config) else _plain(init_config)
    if isinstance(config, list):
        raise BadEntry(f"plugin {shown(title)}: init_config must be a map or text, not a list")
    if open_params is not None and not isinstance(open_params, YamlScalar):
        raise BadEntry(
            f"plugin {shown(title)}: open_params must be text, not {describe(open_params)}"
        )
    where = "" if has_variable(path) else absolute(path.text)
    return LoadedPlugin(piece.origin, piece.line, title, where, config)


def _plain(value: YamlNode) -> object:
    """The value without its contents: only the kind matters, and a text."""
    if isinstance(value, YamlMap):
        return dict.fromkeys(range(len(value.pairs)))
    return [] if isinstance(value, YamlList) else yaml_node.text(value)


def check_init_config(name: str, key: str, value: object) -> None:
    """Raise BadEntry for a value of `init_config` that Falco or the plugin cannot read.

    Falco makes JSON of a map, of an empty one `null`.
    """
    if isinstance(value, list):
        raise BadEntry(f"plugin {shown(name)}: {key} must be a map or text, not a list")
    known = OFFICIAL.get(name)
    if known is None or not known.wants_map or value is None or value == "":
        return
    if value == {}:
        raise BadEntry(
            f"plugin {shown(name)}: {key} must not be an empty map, which reaches it as null; "
            "leave the key out"
        )
    text = str(value).lstrip()
    is_json = text.startswith(("{", "//", "/*")) and "}" in text
    if not isinstance(value, dict) and not is_json:
        raise BadEntry(f"plugin {shown(name)}: {key} must be a map, or a text with JSON of one")


def _has_variables(merged: MergedConfig) -> bool:
    single = merged.values.get("load_plugins")
    pieces = [*merged.lists.get("load_plugins", ()), *([single] if single else [])]
    return any(has_variable(piece.value) for piece in pieces)


def _named(merged: MergedConfig) -> Iterator[tuple[str, int, str]]:
    """Origin, line and name of each item of `load_plugins`; a text counts as a list of one item."""
    single = merged.values.get("load_plugins")
    for piece in [
        *merged.lists.get("load_plugins", ()),
        *([single] if single and not is_null(single.value) else []),
    ]:
        name = text_or_null(piece.value)
        if name is not None and not has_variable(piece.value):
            yield piece.origin, piece.line, name


def _is_there(path: str, libraries: Collection[str]) -> bool:
    return path.removeprefix(DIRECTORY) in libraries
