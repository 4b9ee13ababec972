"""Answers for programs: a List, as the API server writes one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

VERSION = "cli.falcosecurity.dev/v1"
"""Of what commands write: another one if what is there changes its meaning or goes."""


def as_list(kind: str, items: Iterable[Any], output: str, **more: Any) -> str:
    """A List of items of a kind, as JSON or YAML; `more` stands beside `items`."""
    head = {"apiVersion": VERSION, "kind": f"{kind}List"}
    value = msgspec.to_builtins({**head, **more, "items": list(items)}, str_keys=True)
    if output == "yaml":
        import yaml  # noqa: PLC0415 - only here

        return yaml.safe_dump(value, sort_keys=False, allow_unicode=True)
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"
