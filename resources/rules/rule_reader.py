"""Rules of a rules file, and changes of rules, as Falco's rule_loader_reader.cpp reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from resources.rules.items import Item, RuleChange, RuleItem
from resources.rules.rule_exceptions import read_exceptions

if TYPE_CHECKING:
    from resources.rules.item_reader import ItemReader

Release: TypeAlias = "tuple[int, int]"

_APPENDABLE = ("condition", "output", "desc", "tags", "exceptions")
_CAPTURE = ("capture", "capture_duration")
_CAPTURE_SINCE = (0, 42)
_REPLACEABLE = (
    *("condition", "output", "desc", "priority", "tags", "exceptions", "enabled"),
    *("warn_evttypes", "skip-if-unknown-filter"),
)
_RULE_KEYS = frozenset({*_REPLACEABLE, "rule", "source", "append", "override"})
_REQUIRED = ("condition", "output", "desc", "priority")
_DEFAULT_SOURCE = "syscall"


class RuleReader:
    """Reads rules, as a release of Falco knows them."""

    def __init__(self, falco: Release | None) -> None:
        self._falco = falco
        capture = _CAPTURE if falco is None or falco >= _CAPTURE_SINCE else ()
        self._capture = capture
        self._replaceable = (*_REPLACEABLE, *capture)
        self.keys = _RULE_KEYS | frozenset(capture)

    def rule(self, item: ItemReader) -> tuple[Item, ...]:
        """The rule of an item, or the changes that it makes; raises BadItem."""
        name = item.text("rule")
        source = item.optional_text("source")
        flag = append_flag(item)
        append, replace = item.overrides(_APPENDABLE, self._replaceable)
        if flag and (append or replace):
            item.fail("append", "it cannot stand together with override")
        if append or replace:
            return self._overriding(item, name, source, append, replace)
        if flag:
            return (self._appending(item, name, source),)
        if not any(item.has(key) for key in _REQUIRED):
            item.required_flag("enabled")
            item.warn("enabled", "Falco calls it deprecated without enabled: replace in override")
            return (RuleChange(item.line, name, appends=False),)
        return (self._new(item, name),)

    def _new(self, item: ItemReader, name: str) -> RuleItem:
        text, output = item.text("condition"), item.text("output").strip()
        item.text("desc")
        item.priority("priority")
        source = item.text("source") if item.has("source") else _DEFAULT_SOURCE
        self._check_optional(item)
        return RuleItem(
            item.line,
            name,
            text,
            source,
            read_exceptions(item, appends=False, falco=self._falco),
            output,
            _tags(item),
            item.flag("skip-if-unknown-filter"),
            not item.has("warn_evttypes") or item.flag("warn_evttypes"),
        )

    def _check_optional(self, item: ItemReader) -> None:
        for key in ("enabled", "warn_evttypes", "skip-if-unknown-filter"):
            item.flag(key)
        if self._capture:
            item.flag("capture")
            if item.has("capture_duration"):
                item.whole_number("capture_duration")
        _tags(item)

    def _appending(self, item: ItemReader, name: str, source: str) -> RuleChange:
        text = item.text("condition") if item.has("condition") else None
        exceptions = None
        if item.has("exceptions"):
            exceptions = read_exceptions(item, appends=True, falco=self._falco)
        if text is None and exceptions is None:
            item.fail("append", "there is neither a condition nor exceptions to append")
        return RuleChange(item.line, name, True, text, exceptions, source)

    def _overriding(
        self,
        item: ItemReader,
        name: str,
        source: str,
        append: frozenset[str],
        replace: frozenset[str],
    ) -> tuple[Item, ...]:
        for key in sorted(append | replace):
            if not item.has(key):
                item.fail("override", f"it names {key}, which the rule does not have")
        for key in self._replaceable:
            if item.has(key) and key not in append | replace:
                item.fail(key, "override says neither append nor replace for it")
        if "priority" in replace:
            item.priority("priority")
        for key in ("output", "desc"):
            if key in append | replace:
                item.text(key)
        self._check_optional(item)
        return tuple(
            self._changed(item, name, source, touched, appends=appends)
            for appends, touched in ((True, append), (False, replace))
            if touched
        )

    def _changed(
        self, item: ItemReader, name: str, source: str, touched: frozenset[str], *, appends: bool
    ) -> RuleChange:
        has = touched.__contains__
        exceptions = None
        if has("exceptions"):
            exceptions = read_exceptions(item, appends=appends, falco=self._falco, checks=appends)
        return RuleChange(
            item.line,
            name,
            appends,
            item.text("condition") if has("condition") else None,
            exceptions,
            source if has("condition") else "",
            item.text("output") if has("output") else None,
            _tags(item) if has("tags") else None,
            item.flag("skip-if-unknown-filter") if has("skip-if-unknown-filter") else None,
            item.flag("warn_evttypes") if has("warn_evttypes") else None,
        )


def _tags(item: ItemReader) -> frozenset[str]:
    return frozenset(item.texts("tags")) if item.has("tags") else frozenset()


def append_flag(item: ItemReader) -> bool:
    """Whether the item appends, by the key that Falco calls deprecated."""
    flag = item.flag("append")
    if flag:
        item.warn("append", "Falco calls it deprecated; override replaces it")
    return flag
