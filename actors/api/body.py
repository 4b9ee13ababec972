"""The bodies of requests: JSON that every reader of the API server takes for the same text."""

from __future__ import annotations

import re

import msgspec

# The API server reads an apply as YAML. To YAML, U+0085, U+2028 and U+2029 are line breaks, which
# it folds inside a string, and DEL, the C1 controls, U+FEFF, U+FFFE and U+FFFF are not allowed.
_UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def json_body(value: object) -> bytes:
    """The value as JSON, with every character escaped that YAML would change or refuse."""
    body = msgspec.json.encode(value)
    if body.isascii() and b"\x7f" not in body:  # nearly every body is: nothing to escape
        return body
    # In JSON only strings hold such characters, and any character of a string may be escaped.
    return _UNSAFE.sub(_escaped, body.decode()).encode()


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
