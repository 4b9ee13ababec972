"""What Falco's schema of rules files warns of, whether anything reads the value or not.

As in Falco's rule_json_schema.h. Unknown keys are left to the reader of rules files.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from resources.text import yaml_node
from resources.text.yaml_node import YamlList, YamlMap, YamlScalar, is_null

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resources.text.yaml_node import YamlNode

_TEXTS = frozenset({"rule", "list", "macro", "condition", "desc", "output", "source"})
_FLAGS = frozenset({"enabled", "append", "capture", "warn_evttypes", "skip-if-unknown-filter"})
_LISTS = frozenset({"items", "tags"})
_MAPS = frozenset({"exceptions", "required_plugin_versions"})
_DECIMAL: Final = re.compile(r"[+-]?(?:0|[1-9][0-9]*)", re.ASCII)


def schema_warnings(item: YamlMap) -> Iterator[tuple[str, str]]:
    """The keys of an item whose values are not as the schema wants them, and what it wants."""
    for name, value in item.pairs:
        key = name.text if isinstance(name, YamlScalar) else ""
        if wanted := _wanted(key, value):
            yield key, wanted


def _wanted(key: str, value: YamlNode) -> str:
    """What the schema wants instead of the value; empty if it takes the value."""
    text = yaml_node.text(value)
    if key in _TEXTS:
        return "" if text is not None else "text"
    if key in _FLAGS:
        return "" if text in {"true", "false"} else "true or false"
    if key == "priority":
        return "" if text is None or text.isupper() else text.upper()
    if key == "capture_duration":
        return "" if _DECIMAL.fullmatch(text or "") else "a decimal number"
    if key in _LISTS:
        return "" if _are_texts(value) else "a list of texts"
    if key in _MAPS:
        return "" if isinstance(value, YamlList) else "a list"
    if key == "override":
        fits = isinstance(value, YamlMap) and value.pairs and not yaml_node.duplicates(value)
        return "" if fits else "a map with each key once, and at least one"
    return ""


def _are_texts(value: YamlNode) -> bool:
    return isinstance(value, YamlList) and all(
        isinstance(one, YamlScalar) and not is_null(one) for one in value.values
    )
