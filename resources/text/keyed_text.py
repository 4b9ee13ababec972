"""The text under a key of a Secret or ConfigMap, and the names of its keys for messages."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

# Keys of an object that a message names.
_MOST_SHOWN = 10


class NoText(ValueError):  # noqa: N818 - it describes the object, not a failure of ours
    """There is no text under the key; the message goes on after the name of the object."""


def keys_of(document: Mapping[str, Any]) -> list[str]:
    """The keys of a Secret or ConfigMap in order; the API server keeps those of both maps apart."""
    return sorted([*(document.get("data") or {}), *(document.get("binaryData") or {})])


def named_keys(keys: Collection[str]) -> str:
    """Tell a user which keys there are, without their values."""
    names = sorted(keys)
    more = f" and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else ""
    return f"it has: {', '.join(names[:_MOST_SHOWN]) or 'none'}{more}"


def config_map_text(document: Mapping[str, Any], key: str) -> str:
    """The text under a key of a ConfigMap, of `data` or `binaryData`, as a volume would show it.

    Raises:
        NoText: there is no such key, or it holds no UTF-8.
    """
    data, binary = document.get("data") or {}, document.get("binaryData") or {}
    if key in data:
        return str(data[key])
    if key not in binary:
        raise NoText(f"has no key {key}; {named_keys(keys_of(document))}")
    try:
        return b64decode(binary[key], validate=True).decode()
    except (ValueError, TypeError):
        raise NoText(f"has no UTF-8 text under key {key} of binaryData") from None
