"""YAML from outside, read within the bounds of `resources.text.limits`.

No document can take unbounded memory or time, whatever it holds: size, depth and the number of
values, with all that aliases expand to, are checked on each event of the parser, before a value is
built from it. Nothing recurses. No tag creates a Python object.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
    StreamEndEvent,
)
from yaml.reader import ReaderError

from resources.text import yaml_cpp
from resources.text.limits import MAX_BYTES, MAX_DEPTH, MAX_VALUES
from resources.text.yaml_node import YamlList, YamlMap, YamlNode, YamlScalar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yaml.events import Event

# libyaml is five times as fast as PyYAML's own parser, and may be absent.
_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CHUNK = 1 << 16


class Documents(NamedTuple):
    """The documents of a file in order, and the number of their values, aliases expanded.

    `cut`: the file goes on after the first document, which is all that was read.
    """

    roots: list[YamlNode]
    values: int
    cut: bool = False


class BadYaml(ValueError):  # noqa: N818 - it describes the file, not a failure of ours
    """A file that is no YAML or exceeds a bound; the message names the line if it is known."""


class ExceedsBound(BadYaml):
    """A file that is too large, too deep or has too many values for us; Falco may take it."""


class _Size(NamedTuple):
    values: int
    height: int


@dataclass(slots=True)
class _Open:
    """A collection whose end event has not come; `before` counts the values before its start."""

    event: NodeEvent
    before: int
    children: list[YamlNode] = field(default_factory=list)
    height: int = 0


def load(data: bytes, *, only_first: bool = False) -> Documents:
    """The documents of a file, or only the first; none for a file without content.

    Raises:
        BadYaml: the file is no YAML, or exceeds a bound.
    """
    if len(data) > MAX_BYTES:
        raise ExceedsBound(f"it is larger than {MAX_BYTES >> 20} MiB")
    _check_encoding(data)
    data = yaml_cpp.replaced(data)
    try:
        try:
            return _Composer(data, only_first).compose(yaml.parse(data, Loader=_LOADER))
        except yaml.MarkedYAMLError:
            if len(data) > yaml_cpp.MAX_REREAD_BYTES:
                raise
            again = _reread(data, only_first)
            if again is None:
                raise
            return again
    except ReaderError as error:
        line = data.count(b"\n", 0, error.position) + 1
        raise BadYaml(f"line {line}: {error.reason}") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}: " if mark else ""
        raise BadYaml(f"{where}{error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise BadYaml(str(error)) from error


def _reread(data: bytes, only_first: bool) -> Documents | None:
    """The documents of a file as yaml-cpp reads it; None if it refuses the file, too."""
    try:
        return _Composer(data, only_first).compose(yaml_cpp.events(data.decode()))
    except yaml.YAMLError:
        return None


class _Composer:
    """Builds documents from the events of the parser, and raises BadYaml at the first bound."""

    def __init__(self, data: bytes, only_first: bool) -> None:
        self._only_first = only_first
        self._tabs = yaml_cpp.TabRule(data)
        self._values = 0
        self._open: list[_Open] = []
        self._documents: list[YamlNode] = []
        self._anchors: dict[str, tuple[YamlNode, _Size]] = {}

    def compose(self, events: Iterator[Event]) -> Documents:
        for event in events:
            if isinstance(event, ScalarEvent):
                self._scalar(event)
            elif isinstance(event, SequenceStartEvent | MappingStartEvent):
                self._start(event)
            elif isinstance(event, CollectionEndEvent):
                self._end()
            elif isinstance(event, AliasEvent):
                self._alias(event)
            elif isinstance(event, DocumentStartEvent):
                self._anchors.clear()
            elif isinstance(event, DocumentEndEvent) and self._only_first:
                return Documents(self._documents, self._values, _goes_on(events))
        return Documents(self._documents, self._values)

    def _scalar(self, event: ScalarEvent) -> None:
        self._count(1, event)
        is_plain = not event.style and not event.tag
        if is_plain and "?" in event.value and self._is_in_flow():
            raise BadYaml(f"line {_line(event)}: a text with ? in [] or {{}} must be in quotes")
        if not self._is_in_flow():
            self._check_tabs(event)
        node = YamlScalar(yaml_cpp.restored(event.value), _line(event), is_plain)
        self._place(node, _Size(1, 0), event.anchor)

    def _check_tabs(self, event: ScalarEvent) -> None:
        line, start, end = 0, event.start_mark, event.end_mark
        if event.style in {"|", ">"} and start is not None:
            line = self._tabs.in_block(start.line)
        elif not event.style and end is not None:
            mark = self._open[-1].event.start_mark if self._open else None
            line = self._tabs.after_plain(end.line, end.column, mark.column if mark else -1)
        if line:
            raise BadYaml(f"line {line}: a tab where spaces must stand")

    def _is_in_flow(self) -> bool:
        return bool(self._open) and bool(getattr(self._open[-1].event, "flow_style", False))

    def _start(self, event: NodeEvent) -> None:
        self._count(1, event)
        self._open.append(_Open(event, self._values - 1))
        if len(self._open) > MAX_DEPTH:
            raise ExceedsBound(f"line {_line(event)}: values are nested deeper than {MAX_DEPTH}")

    def _end(self) -> None:
        done = self._open.pop()
        node: YamlNode
        if isinstance(done.event, SequenceStartEvent):
            node = YamlList(tuple(done.children), _line(done.event))
        else:
            pairs = zip(done.children[::2], done.children[1::2], strict=True)
            node = YamlMap(tuple(pairs), _line(done.event))
        self._place(node, _Size(self._values - done.before, done.height + 1), done.event.anchor)

    def _alias(self, event: AliasEvent) -> None:
        if event.anchor not in self._anchors:
            # An alias within its own collection too: an anchor is known only at its end.
            raise BadYaml(f"line {_line(event)}: the alias refers to nothing before it")
        node, size = self._anchors[event.anchor]
        self._count(size.values, event)
        if len(self._open) + size.height > MAX_DEPTH:
            raise ExceedsBound(f"line {_line(event)}: aliases nest deeper than {MAX_DEPTH}")
        self._place(node, size, None)

    def _place(self, node: YamlNode, size: _Size, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = (node, size)
        if not self._open:
            self._documents.append(node)
            return
        parent = self._open[-1]
        parent.children.append(node)
        parent.height = max(parent.height, size.height)

    def _count(self, values: int, event: Event) -> None:
        self._values += values
        if self._values > MAX_VALUES:
            what = "aliases make it" if isinstance(event, AliasEvent) else "it has"
            raise ExceedsBound(f"line {_line(event)}: {what} more than {MAX_VALUES} values")


def _goes_on(events: Iterator[Event]) -> bool:
    """Whether anything is left to read, be it YAML or not."""
    try:
        return not isinstance(next(events), StreamEndEvent)
    except yaml.YAMLError:
        return True


def _line(event: Event) -> int:
    mark = event.start_mark
    return mark.line + 1 if mark else 0


def _check_encoding(data: bytes) -> None:
    """Raise BadYaml for a file that is not UTF-8, without a decoded copy of the whole file."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(data) or 1, _CHUNK):
        pending = decoder.getstate()[0]
        try:
            decoder.decode(data[start : start + _CHUNK], final=start + _CHUNK >= len(data))
        except UnicodeDecodeError as error:
            position = start - len(pending) + error.start
            line = data.count(b"\n", 0, position) + 1
            message = f"line {line}: it is not UTF-8 (byte 0x{data[position]:02x})"
            raise BadYaml(message) from error
