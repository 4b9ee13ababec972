"""The values of a YAML document as yaml-cpp gives them to Falco: a scalar has no type but text."""

from __future__ import annotations

import re
from typing import NamedTuple, TypeAlias

# yaml-cpp: IsNullString; it holds for plain scalars only.
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
# yaml-cpp: convert<bool>, which takes lower case, upper case or a capitalised word.
_BOOLEANS = {"y": True, "yes": True, "true": True, "on": True} | {
    "n": False,
    "no": False,
    "false": False,
    "off": False,
}
_INTEGER = re.compile(r"[+-]?(?:0[xX][0-9a-fA-F]{1,16}|0[0-7]{0,21}|[1-9][0-9]{0,18})", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,3})?")


class YamlScalar(NamedTuple):
    """A scalar; `plain` if it is written without quotes, block or tag. Lines count from 1."""

    text: str
    line: int
    plain: bool


class YamlList(NamedTuple):
    """A sequence."""

    values: tuple[YamlNode, ...]
    line: int


class YamlMap(NamedTuple):
    """A mapping in the order of the file, with all duplicates."""

    pairs: tuple[tuple[YamlNode, YamlNode], ...]
    line: int


YamlNode: TypeAlias = YamlScalar | YamlList | YamlMap


def is_null(node: YamlNode) -> bool:
    """Whether Falco reads the value as null."""
    return isinstance(node, YamlScalar) and node.plain and node.text in _NULLS


def lookup(mapping: YamlMap, key: str) -> YamlNode | None:
    """The value of a key, of duplicates the first, as in yaml-cpp; None if the key is absent."""
    for name, value in mapping.pairs:
        if isinstance(name, YamlScalar) and name.text == key:
            return value
    return None


def keys(mapping: YamlMap) -> list[YamlScalar]:
    """The keys of a mapping; a key that is no scalar is replaced by its description."""
    return [
        YamlScalar(text_or_null(name) or describe(name), name.line, plain=False)
        if not isinstance(name, YamlScalar) or is_null(name)
        else name
        for name, _ in mapping.pairs
    ]


def unreadable_key(mapping: YamlMap) -> YamlNode | None:
    """The first key that is no text, over which Falco refuses the file; None if there is none."""
    names = (name for name, _ in mapping.pairs)
    return next((name for name in names if not isinstance(name, YamlScalar)), None)


def duplicates(mapping: YamlMap) -> list[YamlScalar]:
    """The keys that repeat an earlier key of the mapping."""
    seen: set[str] = set()
    repeated = []
    for key in keys(mapping):
        if key.text in seen:
            repeated.append(key)
        seen.add(key.text)
    return repeated


def text(node: YamlNode | None) -> str | None:
    """The text of a scalar; None for null and for anything else."""
    return node.text if isinstance(node, YamlScalar) and not is_null(node) else None


def text_or_null(node: YamlNode | None) -> str | None:
    """The text of a scalar, of null "null", as yaml-cpp converts it; None for anything else."""
    if not isinstance(node, YamlScalar):
        return None
    return "null" if is_null(node) else node.text


def boolean(node: YamlNode | None) -> bool | None:
    """The boolean that Falco reads from a scalar; None if it reads none."""
    value = text(node)
    if value is None or value not in {value.lower(), value.upper(), value.capitalize()}:
        return None
    return _BOOLEANS.get(value.lower())


def integer(node: YamlNode | None) -> int | None:
    """The whole number in a scalar: decimal, octal (0…) or hexadecimal (0x…); else None."""
    value = text(node)
    if value is None or not _INTEGER.fullmatch(value):
        return None
    digits = value.lstrip("+-").lower()
    base = 16 if digits.startswith("0x") else 8 if digits.startswith("0") else 10
    return -int(digits, base) if value.startswith("-") else int(digits, base)


def number(node: YamlNode | None) -> float | None:
    """The number in a scalar, with or without a fraction; else None."""
    value = text(node)
    return float(value) if value is not None and _NUMBER.fullmatch(value) else None


def describe(node: YamlNode) -> str:
    """The kind of the value, for messages: a map, a list, text or nothing."""
    if isinstance(node, YamlMap):
        return "a map"
    if isinstance(node, YamlList):
        return "a list"
    return "nothing" if is_null(node) else "text"
