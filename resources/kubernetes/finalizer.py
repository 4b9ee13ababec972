"""JSON patches that add or remove one finalizer and can lose no other.

A custom resource has no merge strategy for its finalizers, so the patch tests what it was computed
from: it fails when the list changed meanwhile, and the caller looks again. An apply would recreate
an object that is gone (measured), and could not remove what another field manager set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

    from resources.kubernetes.meta import ObjectMeta

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
    return remove_finalizers(meta, (finalizer,))


def remove_finalizers(meta: ObjectMeta, finalizers: Collection[str]) -> list[dict[str, Any]]:
    """Operations that remove those that are there, from the last one on; none if there are none."""
    present = enumerate(meta.finalizers or ())
    found = [(f"{_PATH}/{index}", name) for index, name in present if name in finalizers]
    operations = [
        operation
        for path, name in reversed(found)
        for operation in (
            {"op": "test", "path": path, "value": name},
            {"op": "remove", "path": path},
        )
    ]
    return [_same_object(meta), *operations] if operations else []


def _same_object(meta: ObjectMeta) -> dict[str, Any]:
    return {"op": "test", "path": "/metadata/uid", "value": meta.uid}
