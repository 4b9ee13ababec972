"""JSON patches that add or remove finalizers and never lose another one.

The finalizers of a custom resource have no merge strategy. So each patch tests the list that it
was computed from: it fails if the list has changed meanwhile, and the caller reads again. A
server-side apply would recreate a deleted object (measured), and could not remove a finalizer that
another field manager has set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

    from resources.kubernetes.meta import ObjectMeta

_PATH = "/metadata/finalizers"


def add_finalizer(meta: ObjectMeta, finalizer: str) -> list[dict[str, Any]]:
    """The operations that append the finalizer; none if the object has it already."""
    present = meta.finalizers or ()
    if finalizer in present:
        return []
    if not present:
        # A `test` against null passes only while there is no list; `add` would replace a list.
        return [
            _same_object(meta),
            {"op": "test", "path": _PATH, "value": None},
            {"op": "add", "path": _PATH, "value": [finalizer]},
        ]
    return [_same_object(meta), {"op": "add", "path": f"{_PATH}/-", "value": finalizer}]


def remove_finalizer(meta: ObjectMeta, finalizer: str) -> list[dict[str, Any]]:
    """The operations that remove the finalizer; none if the object does not have it."""
    return remove_finalizers(meta, (finalizer,))


def remove_finalizers(meta: ObjectMeta, finalizers: Collection[str]) -> list[dict[str, Any]]:
    """The operations that remove these finalizers, the last in the list first; none if it has none.

    From the end, so that no removal shifts the index of the next one.
    """
    present = enumerate(meta.finalizers or ())
    removed = [(f"{_PATH}/{index}", name) for index, name in present if name in finalizers]
    operations = [
        operation
        for path, name in reversed(removed)
        for operation in (
            {"op": "test", "path": path, "value": name},
            {"op": "remove", "path": path},
        )
    ]
    return [_same_object(meta), *operations] if operations else []


def _same_object(meta: ObjectMeta) -> dict[str, Any]:
    return {"op": "test", "path": "/metadata/uid", "value": meta.uid}
