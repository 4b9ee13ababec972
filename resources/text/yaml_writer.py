"""Structured values written as YAML that every YAML reader reads as the same value."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import yaml

from resources.text.limits import MAX_DEPTH, MAX_VALUES

_NO_FOLDING = 1 << 30
# yaml-cpp, YAML 1.1 and YAML 1.2 do not agree on which plain scalars are numbers, booleans or null.
# So a text is quoted if it starts like a number or is one of these words.
_LIKE_A_NUMBER = re.compile(r"[-+]?\.?(?:[0-9]|inf\b|nan\b)", re.IGNORECASE | re.ASCII)
_WORDS = frozenset({"", "~", "null", "y", "n", "yes", "no", "on", "off", "true", "false"})
# YAML 1.1 has more line breaks than yaml-cpp.
_LINE_BREAKS = re.compile("[\r\x85\u2028\u2029]")
# Texts that every reader gets back unchanged from a block scalar.
_BLOCK = re.compile(r"[^\s](?:[^\n]*[^\s])?(?:\n+[^\n]*[^\s])*\n?")


class TooDeep(ValueError):  # noqa: N818 - it describes a user's value, not a failure of ours
    """The value is nested deeper than MAX_DEPTH."""

    def __init__(self) -> None:
        super().__init__(f"is nested deeper than {MAX_DEPTH} levels")


class _Dumper(yaml.SafeDumper):
    """Keeps the order of keys, writes no aliases, and quotes what could be read as no text."""

    # Older yaml-cpp reads \N, the short escape of U+0085, as a byte that is no character.
    ESCAPE_REPLACEMENTS: ClassVar = {  # type: ignore[misc] # the stubs declare it final
        character: escape
        for character, escape in yaml.SafeDumper.ESCAPE_REPLACEMENTS.items()
        if character != "\x85"
    }

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the signature is yaml's
        return True

    def represent_text(self, data: str) -> yaml.ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=_style(data))

    def represent_object(self, data: dict[str, Any]) -> yaml.MappingNode:
        node = self.represent_mapping("tag:yaml.org,2002:map", data)
        for key, _ in node.value:
            key.style = '"' if key.style == "|" else key.style
        return node


_Dumper.add_representer(str, _Dumper.represent_text)
_Dumper.add_representer(dict, _Dumper.represent_object)


def yaml_text(value: object) -> str:
    """The YAML of a value decoded from JSON; equal values give equal text.

    Raises:
        TooDeep: the value is nested deeper than MAX_DEPTH.
    """
    check_depth(value)
    return yaml.dump(
        value,
        Dumper=_Dumper,
        allow_unicode=True,
        default_flow_style=False,
        sort_keys=False,
        width=_NO_FOLDING,
    )


def _style(text: str) -> str | None:
    """The scalar style of a text: block, single or double quotes, or None for plain if possible."""
    if _LINE_BREAKS.search(text):
        return '"'
    if "\n" in text:
        return "|" if _BLOCK.fullmatch(text) else '"'
    if text.lower() in _WORDS or _LIKE_A_NUMBER.match(text):
        return "'"
    return None


def check_depth(value: object) -> None:
    """Raise TooDeep for a value that is nested deeper than MAX_DEPTH."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return
    raise TooDeep


def _children(value: object) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def excess(value: object) -> str:
    """Which bound the value exceeds, as the predicate of a message; empty if none.

    To write a value takes 300 bytes of memory for each value in it, and the API server stores up to
    700,000 of them in one object.
    """
    if _is_vast(value):
        return f"has more than {MAX_VALUES} values"
    try:
        check_depth(value)
    except TooDeep as error:
        return str(error)
    return ""


def _is_vast(value: object) -> bool:
    seen, waiting = 0, [value]
    while waiting and seen + len(waiting) <= MAX_VALUES:
        node = waiting.pop()
        seen += 1
        if isinstance(node, dict):
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node
    return bool(waiting)
