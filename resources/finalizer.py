"""JSON patches that add or remove one finalizer and can lose no other.

A custom resource has no merge strategy for its finalizers, so the patch tests what it was computed
from: it fails when the list changed meanwhile, and the caller looks again. An apply would recreate
an object that is gone (measured), and could not remove what another field manager set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resources.meta import ObjectMeta

_PATH = "/metadata/finalizers"


def add_finalizer(meta: ObjectMeta, finalizer: str) -> list[dict[str, Any]]:
    """Operations that append it; none if it is there already."""
    present = meta.finalizers or ()
    if finalizer in present:
        return []
    if not present:
        # `test` against null passes only while the list is absent; `add` would replace it.
        return [
            _same_object(meta),
            {"op": "test", "path": _PATH, "value": None},
            {"op": "add", "path": _PATH, "value": [finalizer]},
        ]
    return [_same_object(meta), {"op": "add", "path": f"{_PATH}/-", "value": finalizer}]


def remove_finalizer(meta: ObjectMeta, finalizer: str) -> list[dict[str, Any]]:
    """Operations that remove it; none if it is not there."""
    present = meta.finalizers or ()
    if finalizer not in present:
        return []
    at = f"{_PATH}/{present.index(finalizer)}"
    return [
        _same_object(meta),
        {"op": "test", "path": at, "value": finalizer},
        {"op": "remove", "path": at},
    ]


def _same_object(meta: ObjectMeta) -> dict[str, Any]:
    return {"op": "test", "path": "/metadata/uid", "value": meta.uid}
