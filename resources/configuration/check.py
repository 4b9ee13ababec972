"""The problems of the merged configuration for which Falco would not start.

Each value is compared with the table of keys; what several keys say together is looked at in
`resources.configuration.combinations`, items of lists in `resources.configuration.list_items`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resources.configuration import combinations, list_items
from resources.configuration.fragment import has_variable, is_unknown
from resources.configuration.keys import KEYS, WHOLE, Items, Keys, Scalar
from resources.configuration.merge import ConfigValue, finding
from resources.text import yaml_node
from resources.text.messages import shown
from resources.text.yaml_node import YamlList, YamlMap, YamlScalar, is_null, text_or_null

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resources.configuration.keys import Expected, Release
    from resources.configuration.merge import MergedConfig
    from resources.text.messages import Finding


def problems(merged: MergedConfig, falco: Release | None) -> list[Finding]:
    """The reasons for which Falco would not start, each with the fragment that causes it."""
    return [
        *merged.problems,
        *(finding for key in KEYS for finding in _root(key, merged, falco)),
        *combinations.problems(merged, falco),
    ]


def _root(key: str, merged: MergedConfig, falco: Release | None) -> Iterator[Finding]:
    expected = KEYS[key]
    if key in merged.values:
        yield from _value(key, merged.values[key], expected, falco)
    if isinstance(expected, Items) and not is_unknown(expected, falco):
        for piece in merged.lists.get(key, ()):
            yield from _item(key, piece, expected)


def _value(
    path: str, piece: ConfigValue, expected: Expected, falco: Release | None
) -> Iterator[Finding]:
    value = piece.value
    if is_unknown(expected, falco) or has_variable(value):
        return
    if isinstance(expected, Scalar):
        yield from _scalar(path, piece, expected)
    elif isinstance(expected, Items):
        if isinstance(value, YamlScalar) and not is_null(value):
            yield from _item(path, piece, expected)
        elif isinstance(value, YamlList):
            for inner in value.values:
                item = ConfigValue(piece.origin, inner.line, inner)
                yield from _item(path, item, expected)
    elif isinstance(value, YamlMap):
        yield from _map(path, piece, value, expected, falco)
    elif expected.is_read and isinstance(value, YamlScalar) and not is_null(value):
        yield finding(path, piece, f"it must be a map, not the text {shown(value.text)}")


def _map(
    path: str, piece: ConfigValue, value: YamlMap, expected: Keys, falco: Release | None
) -> Iterator[Finding]:
    if expected.any_key:
        for _, inner in value.pairs:
            if not isinstance(inner, YamlScalar):
                text = f"each of its values must be text, not {yaml_node.describe(inner)}"
                yield finding(path, ConfigValue(piece.origin, inner.line, inner), text)
    for name, inner_expected in expected.keys.items():
        inner_value = yaml_node.lookup(value, name)
        if inner_value is not None:
            inner_piece = ConfigValue(piece.origin, inner_value.line, inner_value)
            yield from _value(f"{path}.{name}", inner_piece, inner_expected, falco)


def _scalar(path: str, piece: ConfigValue, expected: Scalar) -> Iterator[Finding]:
    if expected.allowed:
        text = text_or_null(piece.value)
        known = text.lower() if text is not None and expected.any_case else text
        if text is not None and known not in expected.allowed:
            allowed = ", ".join(expected.allowed)
            yield finding(path, piece, f"{shown(text)} is not possible; allowed are {allowed}")
    if expected.between:
        least, most = expected.between
        number = _number(piece, expected)
        if number is not None and not least <= number <= most:
            wanted = f"between {least:g} and {most:g}" if most < 2**31 else f"at least {least:g}"
            yield finding(path, piece, f"it must be {wanted}")


def _number(piece: ConfigValue, expected: Scalar) -> float | None:
    if expected.type != WHOLE:
        return yaml_node.number(piece.value)
    whole = yaml_node.integer(piece.value)
    least, most = expected.fits or (0, 0)
    return whole if whole is not None and least <= whole <= most else None


def _item(path: str, piece: ConfigValue, expected: Items) -> Iterator[Finding]:
    item = expected.item
    if isinstance(item, Scalar):
        text = text_or_null(piece.value)
        if has_variable(piece.value):
            return
        if text is None:
            kind = yaml_node.describe(piece.value)
            yield finding(path, piece, f"each item must be text, not {kind}")
        elif item.allowed and text not in item.allowed:
            allowed = ", ".join(item.allowed)
            yield finding(path, piece, f"{shown(text)} is not possible; allowed are {allowed}")
    elif problem := list_items.problem(path, piece.value):
        yield finding(path, piece, problem)
