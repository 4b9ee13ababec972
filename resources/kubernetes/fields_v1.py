"""Paths of fields as `metadata.managedFields` writes them (`fieldsV1`).

Elements of a path: `f:` a field, `k:` a list item by its keys, `v:` an element of a set, `i:` an
index. The element `.` says that the map or list item itself is owned; without it, only its parts
are. A field without parts is owned by being listed.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

Path = tuple[str, ...]
Fields = dict[str, Any]


def human(path: Path) -> str:
    """A path for messages, such as `spec.template.spec.containers[name=falco].image`."""
    text = "".join(_human(element) for element in path)
    return text.removeprefix(".")


def _human(element: str) -> str:
    tag, name = element[0], element[2:]
    if tag == "f":
        return f".{name}" if not set(name) & set("./[]") else f'["{name}"]'
    if tag == "k":
        return f"[{','.join(f'{key}={value}' for key, value in decoded(element).items())}]"
    return f"[{name}]"


@lru_cache(maxsize=256)  # most are the same in all objects; those with a uid are not worth keeping
def decoded(element: str) -> Any:
    """The keys in a `k:` element, or the value in a `v:` element; shared, so never change it."""
    return json.loads(element[2:])


def encoded(keys: tuple[str, ...], values: tuple[Any, ...]) -> str:
    """The `k:` element of a list item, spelt exactly as the API server spells it."""
    fields = {name: value for name, value in zip(keys, values, strict=True) if value is not None}
    return f"k:{json.dumps(fields, sort_keys=True, separators=(',', ':'), ensure_ascii=False)}"
