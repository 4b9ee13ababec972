"""What a server-side apply would change, told from the live object alone.

The API server records in `metadata.managedFields` which fields each manager has applied. If the
fields that we own are exactly those that we want, with the values that we want, applying them
again would change nothing and need not be done.

Three trees are walked side by side: what is wanted, the live object, and the fields that the
manager owns (`fieldsV1`: `f:` a field, `k:` a list item by its keys, `v:` a set's element, `.` the
thing itself). Nothing is built along the way but the paths.
"""

from __future__ import annotations

import json
from typing import Any, Literal, NamedTuple

from resources.kubernetes import quantity
from resources.kubernetes.fields_v1 import Fields, Path, decoded, encoded, human
from resources.kubernetes.merge_shapes import PLAIN, SHAPES, Shape

DifferenceKind = Literal["missing", "changed", "unowned", "extra"]

# managedFields never has these: they identify the object or belong to the API server.
_UNTRACKED = frozenset(
    {
        "creationTimestamp",
        "generation",
        "managedFields",
        "name",
        "namespace",
        "resourceVersion",
        "selfLink",
        "uid",
    }
)


# Most fields are scalars that are ours and as wanted; they take the short way.
_SCALARS = frozenset({str, int, bool})
_LEAF: Fields = {}


class Difference(NamedTuple):
    """One field, or the top of a subtree, that an apply would change.

    `missing`: wanted, but not there; `changed`: there with another value; `unowned`: as wanted, but
    not ours; `extra`: ours, but no longer wanted. `other_manager` is who owns a wanted field that
    we do not own: the one who took it. It is None while we own it, and when nobody does, as after a
    removal.
    """

    path: str
    kind: DifferenceKind
    other_manager: str | None


class _Found(NamedTuple):
    path: Path
    kind: DifferenceKind
    owned: bool


def differences(
    desired: dict[str, Any], live: dict[str, Any], manager: str
) -> tuple[Difference, ...]:
    """What applying `desired` as `manager` would change; nothing means that it would be no write.

    `live` needs its `metadata.managedFields`. A kind without an entry in `SHAPES` is compared by
    the general rule.
    """
    found: list[_Found] = []
    shape = SHAPES.get(desired["kind"], PLAIN)
    _compare_map(_tracked(desired), live, _owned_fields(live, manager), shape, (), found)
    return tuple(
        Difference(human(path), kind, None if owned else _other_manager(live, path, manager))
        for path, kind, owned in found
    )


def _tracked(desired: dict[str, Any]) -> dict[str, Any]:
    fields = {name: value for name, value in desired.items() if name not in ("apiVersion", "kind")}
    metadata = {
        name: value for name, value in fields.pop("metadata").items() if name not in _UNTRACKED
    }
    return {"metadata": metadata, **fields} if metadata else fields


def _owned_fields(live: dict[str, Any], manager: str) -> Fields:
    for entry in live["metadata"].get("managedFields", ()):
        if _is_ours(entry, manager):
            fields: Fields = entry.get("fieldsV1", {})
            return fields
    return {}


def _is_ours(entry: dict[str, Any], manager: str) -> bool:
    return (
        entry.get("manager") == manager
        and entry.get("operation") == "Apply"
        and not entry.get("subresource")
    )


def _compare_map(
    wanted: dict[str, Any],
    live: dict[str, Any],
    owned: Fields,
    shape: Shape,
    path: Path,
    found: list[_Found],
) -> None:
    expected = int("." in owned)
    for name, value in wanted.items():
        element = "f:" + name
        node = owned.get(element)
        expected += node is not None
        if node == _LEAF and type(value) in _SCALARS and value == live.get(name):
            continue
        _compare(value, live.get(name), node, shape.under(name), (*path, element), found)
    if expected != len(owned):
        names = {"f:" + name for name in wanted}
        found.extend(_extras(owned, names, path))


def _compare(
    wanted: Any,
    live: Any,
    owned: Fields | None,
    shape: Shape,
    path: Path,
    found: list[_Found],
) -> None:
    branch = _branch(wanted, shape)
    if branch is None:
        _compare_leaf(wanted, live, owned, shape, path, found)
    elif owned is None and live is None:
        if _owns(wanted, shape):
            found.append(_Found(path, "missing", owned=False))
    else:
        branch(wanted, live or type(wanted)(), owned or {}, shape, path, found)


def _branch(wanted: Any, shape: Shape) -> Any:
    """The comparison for what owns its parts and not itself, or None for a leaf."""
    if type(wanted) is dict:
        return _compare_map if wanted and not shape.atomic else None
    if type(wanted) is list:
        return _compare_items if shape.keys else _compare_set if shape.is_set else None
    return None


def _compare_leaf(
    wanted: Any,
    live: Any,
    owned: Fields | None,
    shape: Shape,
    path: Path,
    found: list[_Found],
) -> None:
    is_owned = owned is not None and (not owned or "." in owned)
    # An empty map owns itself and asks nothing of what others put in.
    same = wanted == live or _same(wanted, live, shape) or (wanted == {} and not shape.atomic)
    if not same:
        found.append(_Found(path, "missing" if live is None else "changed", is_owned))
    elif not is_owned:
        found.append(_Found(path, "unowned", is_owned))
    if owned:
        found.extend(_extras(owned, frozenset(), path))


def _compare_items(
    wanted: list[dict[str, Any]],
    live: list[dict[str, Any]],
    owned: Fields,
    shape: Shape,
    path: Path,
    found: list[_Found],
) -> None:
    live_items = {shape.key_of(item): item for item in live}
    elements = {shape.key_of(decoded(element)): element for element in owned if element != "."}
    item_shape = shape.of_item()
    keys = []
    for item in wanted:
        key = shape.key_of(item)
        keys.append(key)
        element = elements.pop(key, None) or encoded(shape.keys, key)
        _compare(item, live_items.get(key), owned.get(element), item_shape, (*path, element), found)
    found.extend(_Found((*path, element), "extra", owned=True) for element in elements.values())
    _compare_order(keys, live_items, path, found)


def _compare_order(
    wanted: list[tuple[Any, ...]],
    live: dict[tuple[Any, ...], Any],
    path: Path,
    found: list[_Found],
) -> None:
    """An apply restores the order of the items that it has, and the order of env matters."""
    if list(live) == wanted:
        return
    ours = frozenset(wanted)
    present = [key for key in live if key in ours]
    if len(present) == len(wanted) and present != wanted:
        found.append(_Found(path, "changed", owned=True))


def _compare_set(
    wanted: list[Any],
    live: list[Any],
    owned: Fields,
    shape: Shape,
    path: Path,
    found: list[_Found],
) -> None:
    elements = {decoded(element): element for element in owned if element != "."}
    for value in wanted:
        element = elements.pop(value, None) or f"v:{json.dumps(value)}"
        present = value if value in live else None
        _compare_leaf(value, present, owned.get(element), shape, (*path, element), found)
    found.extend(_Found((*path, element), "extra", owned=True) for element in elements.values())


def _extras(owned: Fields, wanted: frozenset[str] | set[str], path: Path) -> list[_Found]:
    return [
        _Found((*path, element), "extra", owned=True)
        for element in owned
        if element != "." and element not in wanted
    ]


def _owns(wanted: Any, shape: Shape) -> bool:
    """Whether applying this would own any path: an empty list map or set owns none."""
    if type(wanted) is list:
        return bool(wanted) or not (shape.keys or shape.is_set)
    if type(wanted) is dict and wanted and not shape.atomic:
        return any(_owns(value, shape.under(name)) for name, value in wanted.items())
    return True


def _same(wanted: Any, live: Any, shape: Shape) -> bool:
    """Whether the API server stores both alike.

    It spells quantities in its own way, drops zero values, and fills in defaults.
    """
    if wanted == live:
        return True
    if type(wanted) is dict and type(live) is dict:
        return all(
            _same(wanted.get(name, shape.defaults.get(name)), live.get(name), shape.under(name))
            for name in wanted.keys() | live.keys()
        )
    if type(wanted) is list and type(live) is list:
        return len(wanted) == len(live) and all(
            _same(one, other, shape.of_item()) for one, other in zip(wanted, live, strict=True)
        )
    if shape.quantity:
        return quantity.equal(wanted, live)
    return not wanted and not live


def _other_manager(live: dict[str, Any], path: Path, manager: str) -> str | None:
    owners = [
        entry
        for entry in live["metadata"].get("managedFields", ())
        if not _is_ours(entry, manager) and _has(entry.get("fieldsV1", {}), path)
    ]
    latest = max(owners, key=lambda entry: str(entry.get("time", "")), default=None)
    return None if latest is None else str(latest["manager"])


def _has(fields: Fields, path: Path) -> bool:
    node: Fields | None = fields
    for element in path:
        node = node.get(element) if node else None
    return node is not None
