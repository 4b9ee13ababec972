"""Items of lists that are maps: why Falco could not read one.

As the conversions in Falco's configuration.h, each of which throws for what it cannot read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resources.configuration.fragment import has_variable
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
)

if TYPE_CHECKING:
    from collections.abc import Callable

_SELECTION = (
    "each item must have the form enable: {rule: …} or disable: {tag: …}, each with one text"
)


class _Unreadable(ValueError):  # noqa: N818 - it describes the item, not a failure of ours
    """An item that Falco cannot read."""


def problem(key: str, item: YamlNode) -> str:
    """Why Falco could not read an item of the list `key`; empty if it can."""
    read = _READERS.get(key)
    if read is None:
        return ""
    try:
        read(item)
    except _Unreadable as error:
        return str(error)
    return ""


def _rule_selection(item: YamlNode) -> None:
    entry = _map(item, _SELECTION)
    operation = lookup(entry, "enable")
    operation = lookup(entry, "disable") if operation is None else operation
    if not isinstance(operation, YamlMap):
        raise _Unreadable(_SELECTION)
    texts = [_text(operation, name, _SELECTION) for name in ("rule", "tag")]
    if not any(texts):
        raise _Unreadable(_SELECTION)


def _append_output(item: YamlNode) -> None:
    entry = _map(item, f"each item must be a map, not {describe(item)}")
    match = lookup(entry, "match")
    if isinstance(match, YamlScalar) and not is_null(match):
        raise _Unreadable("match must be a map, not text")
    if isinstance(match, YamlMap):
        for name in ("source", "rule"):
            _text(match, name, f"match.{name} must be text")
        tags = lookup(match, "tags")
        if isinstance(tags, YamlList):
            for tag in tags.values:
                if not isinstance(tag, YamlScalar) or is_null(tag):
                    raise _Unreadable("each of match.tags must be text")
    _text(entry, "extra_output", "extra_output must be text")
    _extra_fields(lookup(entry, "extra_fields"))
    suggested = lookup(entry, "suggested_output")
    if (
        suggested is not None
        and not has_variable(suggested)
        and yaml_node.boolean(suggested) is None
    ):
        raise _Unreadable("suggested_output must be true or false")


def _extra_fields(fields: YamlNode | None) -> None:
    if fields is None:
        return
    if not isinstance(fields, YamlList):
        raise _Unreadable(
            "extra_fields must be a list, each item the name of a field or a map of one key, "
            f"not {describe(fields)}"
        )
    formatted: set[str] = set()
    raw: set[str] = set()
    for field in fields.values:
        if isinstance(field, YamlMap) and len(field.pairs) == 1:
            ((name, value),) = field.pairs
            if not isinstance(name, YamlScalar) or not isinstance(value, YamlScalar):
                raise _Unreadable("the value of each of extra_fields must be text")
            if name.text in formatted | raw:
                raise _Unreadable(f"extra_fields has {shown(name.text)} twice")
            formatted.add(name.text)
        elif isinstance(field, YamlScalar) and not is_null(field):
            if field.text in formatted:
                raise _Unreadable(f"extra_fields has {shown(field.text)} twice")
            raw.add(field.text)
        else:
            raise _Unreadable(
                "each of extra_fields must be the name of a field or a map of one key"
            )


def _map(item: YamlNode, otherwise: str) -> YamlMap:
    if not isinstance(item, YamlMap):
        raise _Unreadable(otherwise)
    return item


def _text(entry: YamlMap, name: str, otherwise: str) -> str:
    """The text of a key, empty if it is absent; Falco reads nothing as the text "null"."""
    value = lookup(entry, name)
    if value is None:
        return ""
    if not isinstance(value, YamlScalar):
        raise _Unreadable(otherwise)
    return "null" if is_null(value) else value.text


_READERS: dict[str, Callable[[YamlNode], None]] = {
    "rules": _rule_selection,
    "append_output": _append_output,
}
