"""The documents of YAML files, each with the line of everything in it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from resources.text.limits import MAX_DEPTH
from resources.text.messages import shown
from resources.text.yaml_writer import excess

if TYPE_CHECKING:
    from collections.abc import Iterator

STANDARD_INPUT = "-"
MOST_BYTES = 16 << 20
"""A file of more bytes is not read whole."""
_EXTENSIONS = {".yaml", ".yml", ".json"}


class Unreadable(ValueError):  # noqa: N818 - it describes a user's file, not a failure of ours
    """A file that is no YAML, or too much of it; `line` counts from 1."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


class Document(NamedTuple):
    """One document of a file: its value as the API server would get it, and its YAML node."""

    file: str
    value: Any
    node: yaml.Node

    @property
    def line(self) -> int:
        """The line on which it begins, from 1."""
        return int(self.node.start_mark.line) + 1


class _Loader(yaml.CSafeLoader):
    """Reads what kubectl reads: YAML 1.1 without times, which stay texts."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - declared by yaml
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }


def files(path: str) -> Iterator[str]:
    """The files that a path names: itself, or all of a directory and below, in order.

    Raises OSError if a directory cannot be read.
    """
    if path == STANDARD_INPUT or not Path(path).is_dir():
        yield path
        return

    def fail(error: OSError) -> None:
        raise error

    within = os.walk(path, onerror=fail)  # it follows no link to a directory
    every = (Path(directory, name) for directory, _, names in within for name in names)
    for found in sorted(found for found in every if found.suffix in _EXTENSIONS):
        if found.is_file():
            yield str(found)


def documents(file: str, text: bytes) -> list[Document]:
    """The documents of a file, without empty ones; items of a List are documents of their own.

    Raises:
        Unreadable: it is not YAML, or too large or nested too deep.
    """
    if len(text) > MOST_BYTES:
        raise Unreadable(1, f"the file has more than {MOST_BYTES >> 20} MiB")
    loader = _loader(text)
    found: list[Document] = []
    try:
        _require_shallow(text)
        while loader.check_node():
            node = loader.get_node()
            value = _json_value(loader.construct_document(node))
            if value is not None:
                found.extend(_items(Document(file, value, node)))
    except Unreadable:
        raise
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Unreadable(mark.line + 1 if mark else 1, f"{error.problem}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Unreadable(1, str(error) or type(error).__name__) from error
    finally:
        loader.dispose()
    return found


def _require_shallow(text: bytes) -> None:
    """Raise Unreadable for what is nested too deep: libyaml composes it recursively, and ends."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            mark = event.start_mark
            raise Unreadable(
                mark.line + 1 if mark else 1,
                f"the document is nested deeper than {MAX_DEPTH} levels",
            )


def value_node(node: yaml.Node | None, *keys: str) -> yaml.Node | None:
    """The node of a field below a node; None if there is none."""
    for key in keys:
        if not isinstance(node, yaml.MappingNode):
            return None
        node = next((value for name, value in node.value if name.value == key), None)
    return node


def _loader(text: bytes) -> Any:
    try:
        return _Loader(text)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Unreadable(1, f"the file is no text: {error}") from error


def _items(document: Document) -> Iterator[Document]:
    value = document.value
    if isinstance(value, dict) and value.get("kind") == "List" and "apiVersion" in value:
        node = value_node(document.node, "items")
        items = value.get("items")
        if isinstance(node, yaml.SequenceNode) and isinstance(items, list):
            for item, below in zip(items, node.value, strict=True):
                yield Document(document.file, item, below)
        return
    yield document


def _json_value(value: Any) -> Any:
    """The value as JSON has it; raises ValueError if it is too large or no JSON."""
    if problem := excess(value):
        raise ValueError(f"the document {problem}")
    return _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {_key(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise ValueError(f"a value of the type {shown(type(value).__name__)} is not possible in JSON")


def _key(key: Any) -> str:
    if isinstance(key, bool):
        return str(key).lower()
    if isinstance(key, str | int | float):
        return str(key)
    raise ValueError(f"a key of the type {shown(type(key).__name__)} is not possible in JSON")
