"""Texts that two readers could take for different things are refused: JSON, base64.

A signature covers bytes. Of an object with a key twice, one reader takes the first value and
another the last, and base64 can hide what it is by blanks.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Any


class Rejected(Exception):  # noqa: N818 - it describes the signature, not a failure of ours
    """A signature that is not accepted; the text says why.

    `is_root`: it may be good, but the trusted root does not know who vouches for it.
    """

    def __init__(self, why: str, *, is_root: bool = False) -> None:
        super().__init__(why)
        self.is_root = is_root


def document_of(text: bytes | str, what: str) -> dict[str, Any]:
    """The JSON object in a text; raises Rejected."""
    try:
        document = json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Rejected(f"{what} is no JSON: {type(error).__name__}") from None
    if not isinstance(document, dict):
        raise Rejected(f"{what} is no JSON object")
    return document


def field(document: dict[str, Any], *path: str) -> Any:
    """The value at this path; None if there is none."""
    value: Any = document
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def decoded(text: object, what: str) -> bytes:
    """The bytes of base64 in its one canonical form; raises Rejected."""
    try:
        if isinstance(text, str) and text:
            data = b64decode(text, validate=True)
            if b64encode(data).decode() == text:
                return data
    except ValueError:
        pass
    raise Rejected(f"{what} is not base64")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise Rejected("a document has a key twice")
    return document


def _no_constant(name: str) -> object:
    raise ValueError(name)
