"""From the line of a content to the line of the file in which the user wrote it."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, TypeAlias

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable

LineMap: TypeAlias = "Callable[[int], int]"
"""The line of the file for a line of the content, both from 1."""

_LINE = re.compile(r"\bline ([0-9]{1,7})\b")


def same(line: int) -> int:
    """The map of a content that is the whole file."""
    return line


def of_block(node: yaml.Node | None, line: int) -> LineMap:
    """The map of a text that stands in a block scalar; in another scalar all is on its line."""
    if not isinstance(node, yaml.ScalarNode):
        return lambda _: line
    first = int(node.start_mark.line) + 1
    return (lambda at: first + at) if node.style in ("|", ">") else lambda _: first


def of_items(node: yaml.Node | None, text: str, line: int) -> LineMap:
    """The map of a value that was written anew as `text`: each item begins where it did."""
    theirs, ours = _beginnings(node), _beginnings(yaml.compose(text, Loader=yaml.CSafeLoader))
    if not ours or len(theirs) != len(ours):
        return lambda _: line
    return lambda at: theirs[max(0, bisect_right(ours, at) - 1)]


def relocated(text: str, lines: LineMap, line: int) -> tuple[int, str]:
    """The first line that a message names, or `line`, and the message with lines of the file."""
    first = _LINE.search(text)
    told = _LINE.sub(lambda found: f"line {lines(int(found[1]))}", text)
    return (lines(int(first[1])) if first else line), told


def _beginnings(node: yaml.Node | None) -> list[int]:
    if isinstance(node, yaml.SequenceNode):
        return [int(item.start_mark.line) + 1 for item in node.value]
    if isinstance(node, yaml.MappingNode):
        return [int(name.start_mark.line) + 1 for name, _ in node.value]
    return []
