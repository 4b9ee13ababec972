"""The items of one rules file, and the problems that it has whatever other files hold.

The checks are those of Falco's rule_loader_reader.cpp (userspace/engine, as of 0.44). Falco stops
at the first error of a file; here every item is checked, so that a user sees all errors at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resources.rules import condition
from resources.rules.item_reader import BadItem, ItemReader
from resources.rules.items import (
    EngineRequirement,
    Item,
    ListItem,
    MacroItem,
    PluginRequirement,
    RuleChange,
    RuleItem,
    RulesContent,
)
from resources.rules.rule_exceptions import quoted, read_exceptions
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
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from resources.rules.rule_exceptions import RuleException

_APPENDABLE = ("condition", "output", "desc", "tags", "exceptions")
_REPLACEABLE = (
    *("condition", "output", "desc", "priority", "tags", "exceptions", "enabled"),
    *("warn_evttypes", "skip-if-unknown-filter"),
    *("capture", "capture_duration", "capture_events", "capture_filesize"),
)
_RULE_KEYS = frozenset({*_REPLACEABLE, "rule", "source", "append", "override"})
_REQUIRED = ("condition", "output", "desc", "priority")
_DEFAULT_SOURCE = "syscall"


def read(data: bytes) -> RulesContent:
    """The content of a rules file; errors of the file are problems in it, and never raised."""
    try:
        documents = yaml_reader.load(data)
    except yaml_reader.BadYaml as error:
        is_bound = isinstance(error, yaml_reader.ExceedsBound)
        return RulesContent(problems=(str(error),), unread=is_bound)
    reader = _Reader()
    for document in documents.roots:
        reader.document(document)
    if not reader.items and not reader.problems and not reader.warnings:
        reader.warnings.append("the file has no rules")
    return RulesContent(
        tuple(reader.items),
        tuple(reader.problems[:MAX_MESSAGES]),
        tuple(reader.warnings[:MAX_MESSAGES]),
        documents.values,
    )


class _Reader:
    def __init__(self) -> None:
        self.items: list[Item] = []
        self.problems: list[str] = []
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
            if not is_null(value):
                self._value(value)

    def _value(self, value: YamlNode) -> None:
        if not isinstance(value, YamlMap):
            self.problems.append(
                f"line {value.line}: every item must be a map, this is {describe(value)}"
            )
            return
        present = {key.text for key in keys(value)}
        for kind, read_kind in _KINDS.items():
            if kind in present:
                self._item(kind, read_kind, value)
                return
        self.warnings.append(
            f"line {value.line}: Falco ignores this item, for it is none of {', '.join(_KINDS)}"
        )

    def _item(
        self, kind: str, read_kind: Callable[[ItemReader], tuple[Item, ...]], value: YamlMap
    ) -> None:
        item = ItemReader(kind, value)
        try:
            self.items.extend(read_kind(item))
        except BadItem as error:
            self.problems.append(str(error))
        known = _RULE_KEYS if kind == "rule" else _KEYS[kind]
        unknown = [key.text for key in keys(value) if key.text not in known]
        if unknown:
            self.warnings.append(f"{item.label}: Falco ignores unknown keys: {listed(unknown)}")
        if repeated := duplicates(value):
            texts = (key.text for key in repeated)
            self.warnings.append(f"{item.label}: Falco takes the first of two: {listed(texts)}")
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
    items = item.texts("items")
    appends = _appends(item, "items")
    return (ListItem(item.line, name, items, appends, *_values(items)),)


def _values(items: tuple[str, ...]) -> tuple[int, str]:
    count = 0
    for value in items:
        try:
            count += len(condition.values(quoted(value)))
        except condition.BadCondition as error:
            return count, f"{shown(value)} cannot be a value: {error}"
    return count, ""


def _macro(item: ItemReader) -> tuple[Item, ...]:
    name = item.text("macro")
    text = item.text("condition")
    return (MacroItem(item.line, name, text, _appends(item, "condition")),)


def _appends(item: ItemReader, key: str) -> bool:
    flag = item.flag("append")
    append, replace = item.overrides((key,), (key,))
    if flag and (append or replace):
        item.fail("append", "it cannot stand together with override")
    return flag or bool(append)


def _rule(item: ItemReader) -> tuple[Item, ...]:
    name = item.text("rule")
    flag = item.flag("append")
    append, replace = item.overrides(_APPENDABLE, _REPLACEABLE)
    if flag and (append or replace):
        item.fail("append", "it cannot stand together with override")
    if append or replace:
        return _overriding(item, name, append, replace)
    if flag:
        return (_appending(item, name),)
    if not any(item.has(key) for key in _REQUIRED):
        item.required_flag("enabled")
        return (RuleChange(item.line, name, appends=False),)
    return (_new_rule(item, name),)


def _new_rule(item: ItemReader, name: str) -> RuleItem:
    text = item.text("condition")
    item.text("output")
    item.text("desc")
    item.priority("priority")
    source = item.text("source") if item.has("source") else _DEFAULT_SOURCE
    _check_optional(item)
    exceptions = read_exceptions(item, with_fields=True)
    return RuleItem(item.line, name, text, source, exceptions)


def _check_optional(item: ItemReader) -> None:
    for key in ("enabled", "warn_evttypes", "skip-if-unknown-filter", "capture"):
        item.flag(key)
    if item.has("tags"):
        item.texts("tags")


def _appending(item: ItemReader, name: str) -> RuleChange:
    text = item.text("condition") if item.has("condition") else None
    exceptions = read_exceptions(item, with_fields=False) if item.has("exceptions") else None
    if text is None and exceptions is None:
        item.fail("append", "there is neither a condition nor exceptions to append")
    return RuleChange(item.line, name, True, text, exceptions)


def _overriding(
    item: ItemReader, name: str, append: frozenset[str], replace: frozenset[str]
) -> tuple[Item, ...]:
    for key in sorted(append | replace):
        if not item.has(key):
            item.fail("override", f"it names {key}, which the rule does not have")
    for key in _REPLACEABLE:
        if item.has(key) and key not in append | replace:
            item.fail(key, "override says neither append nor replace for it")
    if "priority" in replace:
        item.priority("priority")
    for key in ("output", "desc"):
        if key in append | replace:
            item.text(key)
    _check_optional(item)
    return tuple(
        RuleChange(item.line, name, appends, *_changed(item, touched, appends))
        for appends, touched in ((True, append), (False, replace))
        if touched
    )


def _changed(
    item: ItemReader, touched: frozenset[str], appends: bool
) -> tuple[str | None, tuple[RuleException, ...] | None]:
    text = item.text("condition") if "condition" in touched else None
    if "exceptions" not in touched:
        return text, None
    return text, read_exceptions(item, with_fields=not appends)


# The key that tells the kind of an item, in the order in which Falco looks for them.
_KINDS: dict[str, Callable[[ItemReader], tuple[Item, ...]]] = {
    "required_engine_version": _engine_requirement,
    "required_plugin_versions": _plugin_requirements,
    "list": _list,
    "macro": _macro,
    "rule": _rule,
}
_KEYS = {
    "required_engine_version": frozenset({"required_engine_version"}),
    "required_plugin_versions": frozenset({"required_plugin_versions"}),
    "list": frozenset({"list", "items", "append", "override"}),
    "macro": frozenset({"macro", "condition", "append", "override"}),
    "rule": _RULE_KEYS,
}
