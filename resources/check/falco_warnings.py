"""Whose artifact it is that Falco warns of in a dry run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from resources.check.candidates import NodeSet
    from resources.check.check_request import CheckedSlot, CheckedVersion
    from resources.check.dry_run_answer import FalcoWarning

_DIRECTORIES = {"config": "config.d", "rules": "rules.d"}


def by_slot(
    warnings: Sequence[FalcoWarning], versions: Mapping[str, CheckedVersion], node: NodeSet
) -> dict[str, list[str]]:
    """The texts by slot id; a line that names no file is about the Configs whose keys it names.

    What is about no artifact is left out.
    """
    found: dict[str, list[str]] = {}
    for warning in warnings:
        for name in _origins(warning, versions, node):
            found.setdefault(name, []).append(warning.text)
    return found


def _origins(
    warning: FalcoWarning, versions: Mapping[str, CheckedVersion], node: NodeSet
) -> Sequence[str]:
    chosen = [(slot, versions[slot.id]) for slot in node.slots if slot.id in versions]
    if warning.file:
        return [slot.id for slot, _ in chosen if _is_at(slot, warning.file)]
    words = set(re.findall(r"\w+", warning.text))
    return [slot.id for slot, version in chosen if words.intersection(node.keys(version))]


def _is_at(slot: CheckedSlot, path: str) -> bool:
    directory = _DIRECTORIES.get(slot.kind)
    return directory is not None and path.endswith(f"/{directory}/{slot.file}")
