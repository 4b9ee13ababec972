"""Falco's configuration as Falco merges it: falco.yaml, then the fragments in their order.

As in Falco's yaml_helper.h (include_config_file, its default strategy): lists are appended to;
every other value replaces the earlier value as a whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resources.text.messages import Finding, listed
from resources.text.yaml_node import YamlList, YamlMap, YamlNode, describe, is_null, keys, lookup

if TYPE_CHECKING:
    from resources.configuration.fragment import ConfigContent, FragmentEntry


class ConfigValue(NamedTuple):
    """A value, and the id of the fragment that it comes from; the id of falco.yaml is empty."""

    origin: str
    line: int
    value: YamlNode


class MergedConfig:
    """The keys at the root: in `lists` the items of all files, in `values` the last value."""

    def __init__(self, base: ConfigContent) -> None:
        self.lists: dict[str, list[ConfigValue]] = {}
        self.values: dict[str, ConfigValue] = {}
        self.problems: list[Finding] = []
        self.warnings: list[Finding] = []
        for entry in base.entries:
            if isinstance(entry.value, YamlList):
                self.lists[entry.key] = [
                    ConfigValue("", value.line, value) for value in entry.value.values
                ]
            else:
                self.values[entry.key] = ConfigValue("", entry.line, entry.value)

    def include(self, origin: str, content: ConfigContent) -> None:
        """Merge a fragment over the configuration so far."""
        for entry in content.entries:
            if isinstance(entry.value, YamlList):
                values = [ConfigValue(origin, value.line, value) for value in entry.value.values]
                self.extend(entry.key, values)
            else:
                self._replace(origin, entry)

    def extend(self, key: str, values: list[ConfigValue]) -> None:
        """Append to the list of a key; without items, nothing changes."""
        if not values:
            return
        present = self.values.get(key)
        if present is not None and not is_null(present.value):
            what = f"key {key} (line {values[0].line})"
            kind = describe(present.value)
            self.problems.append(
                Finding(values[0].origin, f"{what}: a list cannot be joined to {kind}, as it was")
            )
            return
        self.values.pop(key, None)
        self.lists.setdefault(key, []).extend(values)

    def setting(self, key: str, *names: str) -> ConfigValue | None:
        """The value of a key at the root, or of a key within its map; None if it is absent."""
        piece = self.values.get(key)
        for name in names:
            if piece is None or not isinstance(piece.value, YamlMap):
                return None
            value = lookup(piece.value, name)
            piece = None if value is None else ConfigValue(piece.origin, value.line, value)
        return piece

    def _replace(self, origin: str, entry: FragmentEntry) -> None:
        lost = self._lost(entry)
        if lost:
            what = "Falco replaces it as a whole, so what was there before is lost"
            text = f"key {entry.key} (line {entry.line}): {what}: {lost}"
            self.warnings.append(Finding(origin, text))
        self.lists.pop(entry.key, None)
        self.values[entry.key] = ConfigValue(origin, entry.line, entry.value)

    def _lost(self, entry: FragmentEntry) -> str:
        if self.lists.get(entry.key):
            return "the list of an earlier file"
        before = self.values.get(entry.key)
        if before is None or not isinstance(before.value, YamlMap):
            return ""
        kept = {key.text for key in keys(entry.value)} if isinstance(entry.value, YamlMap) else ()
        return listed(key.text for key in keys(before.value) if key.text not in kept)


def finding(key: str, piece: ConfigValue, message: str) -> Finding:
    """A finding about the value of a key."""
    return Finding(piece.origin, f"key {key} (line {piece.line}): {message}")
