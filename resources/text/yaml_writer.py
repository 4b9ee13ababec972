"""Writing a structured value as YAML that every reader of YAML takes for that value."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import yaml

from resources.text.limits import MAX_DEPTH, MAX_VALUES

_NO_FOLDING = 1 << 30
# Plain to yaml-cpp or YAML 1.2 are words and numbers that are others to YAML 1.1, and the other way
# round. What starts like a number, or is one of these words, is therefore quoted.
_LIKE_A_NUMBER = re.compile(r"[-+]?\.?(?:[0-9]|inf\b|nan\b)", re.IGNORECASE | re.ASCII)
_WORDS = frozenset({"", "~", "null", "y", "n", "yes", "no", "on", "off", "true", "false"})
# YAML 1.1 has more of them than yaml-cpp.
_LINE_BREAKS = re.compile("[\r\x85\u2028\u2029]")
# Lines that a block keeps as they are, whoever reads it.
_BLOCK = re.compile(r"[^\s](?:[^\n]*[^\s])?(?:\n+[^\n]*[^\s])*\n?")


class TooDeep(ValueError):  # noqa: N818 - it describes a user's value, not a failure of ours
    """The value is nested deeper than its reader could follow."""

    def __init__(self) -> None:
        super().__init__(f"is nested deeper than {MAX_DEPTH} levels")


class _Dumper(yaml.SafeDumper):
    """Keeps the order, repeats what is shared, quotes what could be taken for something else."""

    # Older yaml-cpp makes of \N, the short form of this one, a byte that is no character.
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
    """The YAML of a value from JSON, the same for the same value, for people to read.

    Raises:
        TooDeep: no reader could take it in.
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
    """How to write a string: as a block, quoted or, with None, as it is if that will do."""
    if _LINE_BREAKS.search(text):
        return '"'
    if "\n" in text:
        return "|" if _BLOCK.fullmatch(text) else '"'
    if text.lower() in _WORDS or _LIKE_A_NUMBER.match(text):
        return "'"
    return None


def check_depth(value: object) -> None:
    """Raise TooDeep for a value that no reader could take in."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for one in level for child in _children(one)]
        if not level:
            return
    raise TooDeep


def _children(value: object) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def excess(value: object) -> str:
    """What is too much of a value to be written as YAML, to follow its name; empty for nothing.

    Writing takes us 300 bytes for each value within, of which the API server takes 700,000.
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
        one = waiting.pop()
        seen += 1
        if isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    return bool(waiting)
