"""What a server-side apply would change, computed from the live object without a request.

The API server records in `metadata.managedFields` which fields each manager has applied. If a
manager owns exactly the desired fields, and they have the desired values, another apply would
change nothing and can be skipped.

Three trees are walked side by side: the desired object, the live object, and the fields that the
manager owns (`resources.kubernetes.fields_v1`). Nothing but paths is built along the way.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from resources.kubernetes import quantity
from resources.kubernetes.fields_v1 import Fields, Path, decoded, encoded, human
from resources.kubernetes.merge_shapes import PLAIN, SHAPES, Shape

if TYPE_CHECKING:
    from collections.abc import Mapping

DifferenceKind = Literal["missing", "dropped", "changed", "unowned", "extra"]

# managedFields never has these fields: they identify the object or belong to the API server.
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


# Most fields are scalars that the manager owns and that are as desired; they take a short cut.
_SCALARS = frozenset({str, int, bool})
_LEAF: Fields = {}


class Difference(NamedTuple):
    """A field, or the top of a subtree, that an apply would change.

    `missing`: desired, but absent in the live object; `dropped`: absent though the manager owns it,
    so the API server has not stored it, and would not at another apply; `changed`: it has another
    value; `unowned`: it has the desired value, but the manager does not own it; `extra`: the
    manager owns it, and it is no longer desired. `other_manager` is the manager that has taken over
    a desired field. It is None if the manager itself owns the field, and if no manager does, as
    after a removal.
    """

    path: str
    kind: DifferenceKind
    other_manager: str | None


class FieldDifference(NamedTuple):
    """The same by the elements of its path; `owned`: the manager itself owns the field."""

    path: Path
    kind: DifferenceKind
    owned: bool


def differences(
    desired: dict[str, Any], live: dict[str, Any], manager: str
) -> tuple[Difference, ...]:
    """What a server-side apply of `desired` as `manager` would change; empty if nothing.

    `live` needs its `metadata.managedFields`. A kind without an entry in `SHAPES` is compared by
    the rule of `merge_shapes`.
    """
    return tuple(
        Difference(human(path), kind, None if owned else _other_manager(live, path, manager))
        for path, kind, owned in field_differences(desired, live, manager)
    )


def field_differences(
    desired: dict[str, Any], live: dict[str, Any], manager: str
) -> list[FieldDifference]:
    """As `differences`, for who goes on with the paths."""
    changes: list[FieldDifference] = []
    shape = SHAPES.get(desired["kind"], PLAIN)
    _compare_map(_tracked(desired), live, _owned_fields(live, manager), shape, (), changes)
    return changes


def is_applied_by(live: Mapping[str, Any], manager: str) -> bool:
    """Whether fields of the live object were applied by this manager, and are still its own."""
    return any(_is_ours(entry, manager) for entry in live["metadata"].get("managedFields") or ())


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
    changes: list[FieldDifference],
) -> None:
    expected = int("." in owned)
    for name, value in wanted.items():
        element = "f:" + name
        node = owned.get(element)
        expected += node is not None
        if node == _LEAF and type(value) in _SCALARS and value == live.get(name):
            continue
        _compare(value, live.get(name), node, shape.under(name), (*path, element), changes)
    if expected != len(owned):
        names = {"f:" + name for name in wanted}
        changes.extend(_extras(owned, names, path))


def _compare(
    wanted: Any,
    live: Any,
    owned: Fields | None,
    shape: Shape,
    path: Path,
    changes: list[FieldDifference],
) -> None:
    branch = _branch(wanted, shape)
    if branch is None:
        _compare_leaf(wanted, live, owned, shape, path, changes)
    elif owned is None and live is None:
        if _owns(wanted, shape):
            changes.append(FieldDifference(path, "missing", owned=False))
    else:
        branch(wanted, live or type(wanted)(), owned or {}, shape, path, changes)


def _branch(wanted: Any, shape: Shape) -> Any:
    """The comparison for a value whose parts are owned one by one; None for a leaf."""
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
    changes: list[FieldDifference],
) -> None:
    is_owned = owned is not None and (not owned or "." in owned)
    # An empty map owns only itself: what other managers put into it is no difference.
    same = wanted == live or _same(wanted, live, shape) or (wanted == {} and not shape.atomic)
    if not same:
        changes.append(FieldDifference(path, _kind(wanted, live, shape, is_owned), is_owned))
    elif not is_owned:
        changes.append(FieldDifference(path, "unowned", is_owned))
    if owned:
        changes.extend(_extras(owned, frozenset(), path))


def _kind(wanted: Any, live: Any, shape: Shape, is_owned: bool) -> DifferenceKind:
    if live is None:
        return "dropped" if is_owned else "missing"
    is_dropped = is_owned and _same(_without_gated(wanted, shape), live, shape)
    return "dropped" if is_dropped else "changed"


def _without_gated(value: Any, shape: Shape) -> Any:
    """What is left of an atomic value if the API server drops its gated fields."""
    if type(value) is list:
        return [_without_gated(part, shape.of_item()) for part in value]
    if type(value) is dict and shape.gated:
        return {name: part for name, part in value.items() if name not in shape.gated}
    return value


def _compare_items(
    wanted: list[dict[str, Any]],
    live: list[dict[str, Any]],
    owned: Fields,
    shape: Shape,
    path: Path,
    changes: list[FieldDifference],
) -> None:
    live_items = {shape.key_of(item): item for item in live}
    elements = {shape.key_of(decoded(element)): element for element in owned if element != "."}
    item_shape = shape.of_item()
    keys = []
    for item in wanted:
        key = shape.key_of(item)
        keys.append(key)
        element = elements.pop(key, None) or encoded(shape.keys, key)
        _compare(
            item, live_items.get(key), owned.get(element), item_shape, (*path, element), changes
        )
    changes.extend(
        FieldDifference((*path, element), "extra", owned=True) for element in elements.values()
    )
    _compare_order(keys, live_items, path, changes)


def _compare_order(
    wanted: list[tuple[Any, ...]],
    live: dict[tuple[Any, ...], Any],
    path: Path,
    changes: list[FieldDifference],
) -> None:
    """An apply restores the order of its items, and the order of environment variables matters."""
    if list(live) == wanted:
        return
    ours = frozenset(wanted)
    present = [key for key in live if key in ours]
    if len(present) == len(wanted) and present != wanted:
        changes.append(FieldDifference(path, "changed", owned=True))


def _compare_set(
    wanted: list[Any],
    live: list[Any],
    owned: Fields,
    shape: Shape,
    path: Path,
    changes: list[FieldDifference],
) -> None:
    elements = {decoded(element): element for element in owned if element != "."}
    for value in wanted:
        element = elements.pop(value, None) or f"v:{json.dumps(value)}"
        present = value if value in live else None
        _compare_leaf(value, present, owned.get(element), shape, (*path, element), changes)
    changes.extend(
        FieldDifference((*path, element), "extra", owned=True) for element in elements.values()
    )


def _extras(owned: Fields, wanted: frozenset[str] | set[str], path: Path) -> list[FieldDifference]:
    return [
        FieldDifference((*path, element), "extra", owned=True)
        for element in owned
        if element != "." and element not in wanted
    ]


def _owns(wanted: Any, shape: Shape) -> bool:
    """Whether an apply of this value would own any path: an empty list map or set owns none."""
    if type(wanted) is list:
        return bool(wanted) or not (shape.keys or shape.is_set)
    if type(wanted) is dict and wanted and not shape.atomic:
        return any(_owns(value, shape.under(name)) for name, value in wanted.items())
    return True


def _same(wanted: Any, live: Any, shape: Shape) -> bool:
    """Whether the API server stores both values alike.

    The API server has its own spelling of quantities, drops zero values, and fills in defaults.
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
            _same(part, live_part, shape.of_item())
            for part, live_part in zip(wanted, live, strict=True)
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
