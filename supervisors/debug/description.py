"""The JSON of an actor's description, of bounded size, rendered in steps.

In a description, a function without arguments stands for its result: so supervisors describe what
is below them. It is called when its turn comes. What raises is logged and costs its own entry only.
"""

from __future__ import annotations

import asyncio
import logging
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from actors.runtime.trace import Entries

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_log = logging.getLogger(__name__)

_LONGEST_TEXT = 1_000
_MOST_ENTRIES = 1_000
_DEEPEST = 24
STEP = 8
"""Pieces that are rendered before the rest of the loop has a turn: some milliseconds."""


async def rendered(node: Any, *, indent: int = 0) -> bytes:
    """The JSON of a description, on one line or on many with this indent.

    The loop goes on meanwhile, so that two entries may be of different moments.
    """
    done = []
    for number, piece in enumerate(pieces(node, indent), 1):
        done.append(piece)
        if number % STEP == 0:
            await asyncio.sleep(0)
    return b"".join(done)


def pieces(node: Any, indent: int = 0, depth: int = 0) -> Iterator[bytes]:
    """The JSON of a description; each piece holds one actor's own description at most."""
    node = called(node)
    if depth <= _DEEPEST and isinstance(node, dict) and any(map(_has_functions, node.values())):
        keys = ((_encoded(_short(str(key))), value) for key, value in _first(node.items()))
        entries = ((key + (b": " if indent else b":"), value) for key, value in keys)
        last = [_encoded(rest) + b":null" for rest in _rest(len(node))]
        yield from _enclosed(b"{}", entries, last, indent, depth)
    elif depth <= _DEEPEST and _has_functions(node):
        last = [_encoded(rest) for rest in _rest(len(node))]
        yield from _enclosed(b"[]", ((b"", item) for item in _first(node)), last, indent, depth)
    else:
        yield _whole(node, indent, depth)


def bounded(node: Any, depth: int = 0) -> Any:
    """Cut texts and lists that are too long and trees that are too deep, with a mark in place."""
    if isinstance(node, Entries):
        return node
    node = called(node)
    if isinstance(node, str):
        return _short(node)
    if depth > _DEEPEST:
        return "…"
    if isinstance(node, dict):
        first = {_short(str(key)): bounded(value, depth + 1) for key, value in _first(node.items())}
        return {**first, **dict.fromkeys(_rest(len(node)))}
    if isinstance(node, list | tuple | set | frozenset):
        return [*(bounded(item, depth + 1) for item in _first(node)), *_rest(len(node))]
    return node


def _enclosed(
    brackets: bytes,
    entries: Iterable[tuple[bytes, Any]],
    last: Iterable[bytes],
    indent: int,
    depth: int,
) -> Iterator[bytes]:
    separator = lead = _new_line(indent, depth + 1)
    yield brackets[:1]
    for key, value in entries:
        yield lead + key
        yield from pieces(value, indent, depth + 1)
        lead = b"," + separator
    for mark in last:
        yield lead + mark
    yield _new_line(indent, depth) + brackets[1:]


def _whole(node: Any, indent: int, depth: int) -> bytes:
    try:
        content = _encoded(bounded(node, depth))
    except Exception as error:  # noqa: BLE001 # whatever an actor describes itself by
        content = _encoded(_fault(error))
    if not indent:
        return content
    # No text in JSON holds a line break.
    return msgspec.json.format(content, indent=indent).replace(b"\n", _new_line(indent, depth))


def called(node: Any) -> Any:
    """What a node stands for: a function's result, everything else itself; it never raises."""
    if not callable(node):
        return node
    try:
        return node()
    except Exception as error:  # noqa: BLE001 # an actor's bug, which is no one else's
        return _fault(error)


def _fault(error: Exception) -> dict[str, str]:
    _log.error("an actor cannot be described", exc_info=error)
    return {"fault": f"cannot be described: {type(error).__name__}"}


def _has_functions(node: Any) -> bool:
    return callable(node) or (isinstance(node, list) and bool(node) and callable(node[0]))


def _encoded(node: Any) -> bytes:
    return msgspec.json.encode(node, enc_hook=str)


def _new_line(indent: int, depth: int) -> bytes:
    return b"\n" + b" " * (indent * depth) if indent else b""


def _first(items: Iterable[Any]) -> list[Any]:
    return list(islice(items, _MOST_ENTRIES))


def _rest(length: int) -> list[str]:
    return [f"… and {length - _MOST_ENTRIES} more"] if length > _MOST_ENTRIES else []


def _short(text: str) -> str:
    short = text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"
    return short if short.isascii() else short.encode("utf-8", "backslashreplace").decode()
