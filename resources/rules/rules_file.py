"""The items of one rules file, and the problems that it has whatever other files hold.

The checks are those of Falco's rule_loader_reader.cpp (userspace/engine, as of 0.44). Falco stops
at the first error of a file; here every item is checked, so that a user sees all errors at once.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from resources.conditions import condition
from resources.conditions.event_types import types_of
from resources.rules.item_reader import BadItem, FatalItem, ItemReader
from resources.rules.items import (
    EngineRequirement,
    Item,
    ListItem,
    MacroItem,
    PluginRequirement,
    RulesContent,
)
from resources.rules.lists import joined, misfits
from resources.rules.rule_exceptions import quoted
from resources.rules.rule_reader import Release, RuleReader, append_flag
from resources.rules.rules_schema import schema_warnings
from resources.text import yaml_reader
from resources.text.limits import MAX_MESSAGES
from resources.text.messages import listed, shown
from resources.text.yaml_node import (
    YamlMap,
    YamlNode,
    YamlScalar,
    describe,
    duplicates,
    is_null,
    keys,
    unreadable_key,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LIST_NAME = re.compile(r"[^()\"'\s=,]+", re.ASCII)
_MACRO_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*")


def read(data: bytes, falco: Release | None = None) -> RulesContent:
    """The content of a rules file for this release of Falco, None if the release is unknown.

    Errors of the file are problems in it, and never raised.
    """
    try:
        documents = yaml_reader.load(data)
    except yaml_reader.BadYaml as error:
        is_bound, problems = isinstance(error, yaml_reader.ExceedsBound), (str(error),)
        return RulesContent(problems=problems, unread=is_bound, unsafe=problems)
    reader = _Reader(falco)
    for document in documents.roots:
        reader.document(document)
    if not reader.items and not reader.problems and not reader.warnings:
        reader.warnings.append("the file has no rules")
    return RulesContent(
        tuple(reader.items),
        tuple(reader.problems[:MAX_MESSAGES]),
        tuple(reader.warnings[:MAX_MESSAGES]),
        documents.values,
        unsafe=tuple(reader.crashes[:MAX_MESSAGES]),
    )


class _Reader:
    def __init__(self, falco: Release | None) -> None:
        self._falco = falco
        self._rules = RuleReader(falco)
        self.items: list[Item] = []
        self.problems: list[str] = []
        self.crashes: list[str] = []
        self.warnings: list[str] = []

    def document(self, document: YamlNode) -> None:
        if is_null(document):
            return
        if isinstance(document, YamlMap | YamlScalar):
            kind = describe(document)
            self.problems.append(
                f"line {document.line}: the file holds {kind}, not a list of rules"
            )
            return
        for value in document.values:
            if is_null(value):
                self.warnings.append(f"line {value.line}: Falco ignores an empty item")
            else:
                self._value(value)

    def _value(self, value: YamlNode) -> None:
        if not isinstance(value, YamlMap):
            self.problems.append(
                f"line {value.line}: every item must be a map, this is {describe(value)}"
            )
            return
        key = unreadable_key(value)
        if key is not None:
            self.problems.append(f"line {key.line}: a key must be text, not {describe(key)}")
            return
        present = {key.text for key in keys(value)}
        kinds = {**_KINDS, "rule": self._rules.rule}
        for kind, read_kind in kinds.items():
            if kind in present:
                self._item(kind, read_kind, value)
                return
        self.warnings.append(
            f"line {value.line}: Falco ignores this item, for it is none of {', '.join(kinds)}"
        )

    def _item(
        self, kind: str, read_kind: Callable[[ItemReader], tuple[Item, ...]], value: YamlMap
    ) -> None:
        item = ItemReader(kind, value)
        try:
            self.items.extend(read_kind(item))
        except BadItem as error:
            self.problems.append(str(error))
            if isinstance(error, FatalItem):
                self.crashes.append(str(error))
        known = self._rules.keys if kind == "rule" else _KEYS[kind]
        unknown = [key.text for key in keys(value) if key.text not in known]
        if unknown:
            self.warnings.append(f"{item.label}: Falco ignores unknown keys: {listed(unknown)}")
        if repeated := duplicates(value):
            texts = (key.text for key in repeated)
            self.warnings.append(f"{item.label}: Falco takes the first of two: {listed(texts)}")
        for key, wanted in schema_warnings(value):
            item.warn(key, f"Falco warns, and wants {wanted}")
        self.warnings.extend(item.warnings)


def _engine_requirement(item: ItemReader) -> tuple[Item, ...]:
    return (EngineRequirement(item.line, item.engine_version("required_engine_version")),)


def _plugin_requirements(item: ItemReader) -> tuple[Item, ...]:
    requirements = []
    for entry in item.maps("required_plugin_versions"):
        others = entry.maps("alternatives") if entry.has("alternatives") else []
        alternatives = [
            (plugin.text("name"), plugin.version("version")) for plugin in (entry, *others)
        ]
        names = [name for name, _ in alternatives]
        if len(set(names)) < len(names):
            entry.fail("alternatives", "a plugin is named twice")
        requirements.append(PluginRequirement(entry.line, tuple(alternatives)))
    return tuple(requirements)


def _list(item: ItemReader) -> tuple[Item, ...]:
    name = item.text("list")
    if not _LIST_NAME.fullmatch(name):
        item.warn("list", "Falco takes the name for invalid, and may not find it in a condition")
    items = item.texts("items")
    appends = _appends(item, "items")
    text = joined(items)
    values, problem = _values(items, text)
    count = len(values)
    quotes = "".join(quote for quote in "\"'" if quote in text)
    odd, types = misfits(values, items), types_of(values)
    return (ListItem(item.line, name, items, appends, count, problem, odd, quotes, types),)


def _values(items: tuple[str, ...], text: str) -> tuple[Sequence[str], str]:
    """The values in the text of a list, and why Falco could not read them all."""
    try:
        return condition.values(text), ""
    except condition.BadCondition as error:
        for value in items:
            try:
                condition.values(quoted(value))
            except condition.BadCondition as cause:
                return items, f"{shown(value)} cannot be a value: {cause}"
        return items, f"its items cannot be joined: {error}"


def _macro(item: ItemReader) -> tuple[Item, ...]:
    name = item.text("macro")
    if not _MACRO_NAME.fullmatch(name):
        item.warn("macro", "Falco takes the name for invalid, and does not find it in a condition")
    text = item.text("condition")
    return (MacroItem(item.line, name, text, _appends(item, "condition")),)


def _appends(item: ItemReader, key: str) -> bool:
    flag = append_flag(item)
    append, replace = item.overrides((key,), (key,))
    if flag and (append or replace):
        item.fail("append", "it cannot stand together with override")
    return flag or bool(append)


# The key that tells the kind of an item, in the order in which Falco looks for them; rules last.
_KINDS: dict[str, Callable[[ItemReader], tuple[Item, ...]]] = {
    "required_engine_version": _engine_requirement,
    "required_plugin_versions": _plugin_requirements,
    "list": _list,
    "macro": _macro,
}
_KEYS = {
    "required_engine_version": frozenset({"required_engine_version"}),
    "required_plugin_versions": frozenset({"required_plugin_versions"}),
    "list": frozenset({"list", "items", "append", "override"}),
    "macro": frozenset({"macro", "condition", "append", "override"}),
}
