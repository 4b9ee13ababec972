"""Pod templates merged over each other, as if each was server-side applied after the last.

The merge differs from the API server's in two cases, where the API server's result would be refused
or lose a default:

- of fields that exclude each other, such as the sources of a volume, the upper layer's is kept;
- an empty text, and a 0 that the API server would replace by a default, is no value. Only a user
  writes such a value, so `normalized` is for the user's template alone.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

from resources.kubernetes.merge_shapes import POD_TEMPLATE, Shape

if TYPE_CHECKING:
    from collections.abc import Collection

Template = dict[str, Any]
Key = tuple[Any, ...]

# Text that may be empty: the API server stores it so, or an absent value means empty text as well.
_EMPTY_TEXTS = frozenset({"fsType", "storageClassName", "value", "volumeAttributesClassName"})
# Maps with keys of the user's choice, in which every text may be empty.
_FREE_MAPS = frozenset(
    {
        *("annotations", "labels", "limits", "matchLabels", "nodeSelector", "options", "overhead"),
        *("requests", "userAnnotations", "volumeAttributes"),
    }
)
# Numbers for which the API server takes 0 as absent, and absent as another number.
_NEVER_ZERO = frozenset(
    {
        "failureThreshold",
        "maxExpirationSeconds",
        "periodSeconds",
        "successThreshold",
        "timeoutSeconds",
    }
)


def pod_template(*layers: Template) -> Template:
    """The pod template of all layers together; a layer wins over those before it.

    The result may share parts with the layers, so neither may be changed afterwards.
    """
    return reduce(lambda below, above: merged(below, above, POD_TEMPLATE), layers)


def normalized(template: Template) -> Template:
    """The user's template as a layer: without empty values and without old names of fields."""
    return _modern(_without_unset(template, POD_TEMPLATE))


def merged(below: Any, above: Any, shape: Shape) -> Any:
    """The value `above` merged over `below`.

    Maps merge by field, list maps by their keys, sets are united, every other value is replaced.
    """
    if type(below) is dict and type(above) is dict and not shape.atomic:
        return _merged_map(below, above, shape)
    if type(below) is list and type(above) is list and shape.keys:
        return _merged_items(below, above, shape)
    if type(below) is list and type(above) is list and shape.is_set:
        return [*below, *(value for value in above if value not in below)]
    return above


def _merged_map(below: dict[str, Any], above: dict[str, Any], shape: Shape) -> dict[str, Any]:
    exclusive = shape.one_of & above.keys()
    # Empty text excludes nothing: `value: ""` of a variable leaves its `valueFrom`.
    empty = {name for name in exclusive if above[name] == ""}
    replaced = shape.one_of - above.keys() if exclusive - empty else frozenset()
    result = {name: value for name, value in below.items() if name not in replaced}
    for name, value in above.items():
        result[name] = merged(result.get(name), value, shape.under(name))
    if len(shape.one_of & result.keys()) > 1:
        return {name: value for name, value in result.items() if name not in empty}
    return result


def _merged_items(below: list[Any], above: list[Any], shape: Shape) -> list[Any]:
    lower = {shape.key_of(item): item for item in below}
    upper = {shape.key_of(item): item for item in above}
    return [
        lower[key] if key not in upper else merged(lower.get(key), upper[key], shape.of_item())
        for key in _order([*lower], [*upper])
    ]


def _order(lower: list[Key], upper: list[Key]) -> list[Key]:
    """The keys of both lists in the order of the API server (structured-merge-diff).

    Those of the upper list keep its order; those of the lower list alone come as early as they can
    without passing a key of both lists that stands before them in the lower one.
    """
    shared = [key for key in upper if key in lower]
    order: list[Key] = []
    left = right = 0
    while left < len(lower) or right < len(upper):
        if left < len(lower):
            key = lower[left]
            if key not in upper:
                order.append(key)
                left += 1
                continue
            if right < len(upper) and shared and key != shared[0]:
                left += 1
                continue
            if key in order or key == upper[right]:
                left += 1
        if right < len(upper):
            order.append(upper[right])
            if shared and shared[0] == upper[right]:
                del shared[0]
            right += 1
    return order


def _without_unset(value: Any, shape: Shape, keys: Collection[str] = ()) -> Any:
    """The value without the fields that have no value, but with `keys` as they are."""
    if type(value) is list:
        keys = [key for key in shape.keys if key not in shape.key_defaults]
        return [_without_unset(item, shape.of_item(), keys) for item in value]
    if type(value) is not dict:
        return value
    return {
        name: child if name in _FREE_MAPS else _without_unset(child, shape.under(name))
        for name, child in value.items()
        if name in keys or not _is_unset(name, child)
    }


def _is_unset(name: str, value: Any) -> bool:
    if value == "":
        return name not in _EMPTY_TEXTS
    return name in _NEVER_ZERO and value == 0


def _modern(layer: Template) -> Template:
    """The layer with `serviceAccount`, an old name, replaced by `serviceAccountName`.

    The API server fills in each from the other, and `serviceAccountName` wins.
    """
    spec = layer.get("spec", {})
    if "serviceAccount" not in spec:
        return layer
    renamed = {name: value for name, value in spec.items() if name != "serviceAccount"}
    return {**layer, "spec": {"serviceAccountName": spec["serviceAccount"], **renamed}}
