"""The keys of one item of a rules file, read as Falco reads them."""

from __future__ import annotations

from typing import NoReturn

from resources.rules.versions import semantic_version
from resources.text import yaml_node
from resources.text.messages import shown
from resources.text.yaml_node import (
    YamlList,
    YamlMap,
    YamlNode,
    YamlScalar,
    describe,
    is_null,
    lookup,
    unreadable_key,
)

PRIORITIES = (
    *("emergency", "alert", "critical", "error", "warning", "notice"),
    *("informational", "info", "debug"),
)
_GREATEST_NUMBER = 2**32 - 1


class BadItem(ValueError):  # noqa: N818 - it describes the item, not a failure of ours
    """An item that Falco would not accept; the message names it, its line and the key."""


class FatalItem(BadItem):
    """An item at which a running Falco would crash."""


class ItemReader:
    """Reads one map of a rules file; `kind` is the key that tells what the item is.

    Every method raises BadItem for a value that Falco would not accept.
    """

    def __init__(self, kind: str, mapping: YamlMap, parent: str = "") -> None:
        self.mapping = mapping
        self.line = mapping.line
        self.warnings: list[str] = []
        name = yaml_node.text(lookup(mapping, kind))
        title = parent or (
            f"{kind} {shown(name)}" if name and kind in {"list", "macro", "rule"} else kind
        )
        self.label = f"{title} (line {self.line})"
        self._title = title

    def warn(self, key: str, what: str) -> None:
        """Add a warning about a key of this item."""
        self.warnings.append(f"{self.label}: key {key}: {what}")

    def fail(self, key: str, what: str, error: type[BadItem] = BadItem) -> NoReturn:
        """Raise this error for a key of this item."""
        raise error(f"{self.label}: key {key}: {what}")

    def has(self, key: str) -> bool:
        """Whether the item has the key, with or without a value."""
        return lookup(self.mapping, key) is not None

    def text(self, key: str) -> str:
        """The text of a key that must be present and not empty."""
        value = self._required(key)
        if not isinstance(value, YamlScalar):
            self.fail(key, f"it must be text, not {describe(value)}")
        if not value.text:
            self.fail(key, "it is empty")
        return value.text

    def texts(self, key: str) -> tuple[str, ...]:
        """The texts of a list that must be present and may be empty."""
        return tuple(self._scalar(key, value) for value in self._list(key))

    def optional_text(self, key: str) -> str:
        """The text of a key that may be absent, null or empty."""
        value = lookup(self.mapping, key)
        if value is None or is_null(value):
            return ""
        if not isinstance(value, YamlScalar):
            self.fail(key, f"it must be text, not {describe(value)}")
        return value.text

    def whole_number(self, key: str) -> int:
        """The whole number of a key that must be present."""
        number = yaml_node.integer(self._required(key))
        if number is None or not 0 <= number <= _GREATEST_NUMBER:
            self.fail(key, f"{shown(self.text(key))} is no whole number of at least 0")
        return number

    def flag(self, key: str) -> bool:
        """The boolean of a key; an absent key means false."""
        return self.has(key) and self.required_flag(key)

    def required_flag(self, key: str) -> bool:
        """The boolean of a key that must be present."""
        value = yaml_node.boolean(self._required(key))
        if value is None:
            self.fail(key, f"{shown(self.text(key))} is neither true nor false")
        return value

    def priority(self, key: str) -> None:
        """Check that the key has one of Falco's priorities, in lower or upper case."""
        value = self.text(key)
        if value.lower() not in PRIORITIES:
            allowed = ", ".join(PRIORITIES)
            self.fail(key, f"{shown(value)} is not a priority; allowed are {allowed}")

    def version(self, key: str) -> str:
        """The semantic version of a key that must be present."""
        value = self.text(key)
        if semantic_version(value) is None:
            self.fail(key, f"{shown(value)} is not a version such as 0.4.0")
        return value

    def engine_version(self, key: str) -> str:
        """The semantic version of a key; a whole number N means 0.N.0."""
        number = yaml_node.integer(self._required(key))
        if number is not None and 0 <= number <= _GREATEST_NUMBER:
            return f"0.{number}.0"
        return self.version(key)

    def maps(self, key: str) -> list[ItemReader]:
        """A reader for each map of a list that must be present."""
        readers = []
        for value in self._list(key):
            if not isinstance(value, YamlMap):
                self.fail(key, f"line {value.line} must be a map, not {describe(value)}")
            odd = unreadable_key(value)
            if odd is not None:
                self.fail(key, f"line {odd.line}: a key must be text, not {describe(odd)}")
            readers.append(ItemReader(key, value, self._title))
        return readers

    def node(self, key: str) -> YamlNode | None:
        """The value of a key, not interpreted; None if it is absent or null."""
        value = lookup(self.mapping, key)
        return None if value is None or is_null(value) else value

    def overrides(
        self, appendable: tuple[str, ...], replaceable: tuple[str, ...]
    ) -> tuple[frozenset[str], frozenset[str]]:
        """The keys that `override` appends to, and the keys that it replaces."""
        value = self.node("override")
        if value is None:
            return frozenset(), frozenset()
        if isinstance(value, YamlList):
            self.fail("override", "it must be a map, not a list")
        if isinstance(value, YamlScalar):
            self.warnings.append(f"{self.label}: Falco ignores override, for it is no map")
            return frozenset(), frozenset()
        allowed = {"append": appendable, "replace": replaceable}
        overridden: dict[str, set[str]] = {"append": set(), "replace": set()}
        for name, operation in value.pairs:
            key, what = self._scalar("override", name), self._scalar("override", operation)
            if what not in allowed:
                self.fail("override", f"{key}: {shown(what)} is neither append nor replace")
            if key not in allowed[what]:
                keys = ", ".join(allowed[what])
                self.fail(
                    "override", f"{shown(key)} cannot be used with {what}; allowed are {keys}"
                )
            overridden[what].add(key)
        return frozenset(overridden["append"]), frozenset(overridden["replace"])

    def _required(self, key: str) -> YamlNode:
        value = lookup(self.mapping, key)
        if value is None:
            self.fail(key, "it is missing")
        if is_null(value):
            self.fail(key, "it is empty")
        return value

    def _list(self, key: str) -> tuple[YamlNode, ...]:
        value = lookup(self.mapping, key)
        if value is None:
            self.fail(key, "it is missing")
        if not isinstance(value, YamlList):
            self.fail(key, f"it must be a list, not {describe(value)}")
        return value.values

    def _scalar(self, key: str, value: YamlNode) -> str:
        if not isinstance(value, YamlScalar) or is_null(value):
            self.fail(key, f"line {value.line} must be text, not {describe(value)}")
        return value.text
