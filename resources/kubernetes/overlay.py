"""Pod templates merged over each other, as if each was server-side applied after the last.

The merge differs from the API server's in two cases, where the API server's result would be refused
or would run in another order:

- of fields that exclude each other, such as the sources of a volume, the upper layer's is kept;
- the items of the lower layer keep their order and new items come after them, so that an
  environment variable may refer to variables before it.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

from resources.kubernetes.merge_shapes import POD_TEMPLATE, Shape

Template = dict[str, Any]


def pod_template(*layers: Template) -> Template:
    """The pod template of all layers together; a layer wins over those before it.

    The result may share parts with the layers, so neither may be changed afterwards.
    """
    return reduce(lambda below, above: merged(below, above, POD_TEMPLATE), map(_modern, layers))


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
    replaced = shape.one_of - above.keys() if shape.one_of & above.keys() else frozenset()
    result = {name: value for name, value in below.items() if name not in replaced}
    for name, value in above.items():
        result[name] = merged(result.get(name), value, shape.under(name))
    return result


def _merged_items(below: list[Any], above: list[Any], shape: Shape) -> list[Any]:
    items = {shape.key_of(item): item for item in below}
    for item in above:
        key = shape.key_of(item)
        items[key] = merged(items.get(key), item, shape.of_item())
    return list(items.values())


def _modern(layer: Template) -> Template:
    """The layer with `serviceAccount`, an old name, replaced by `serviceAccountName`.

    The API server fills in each from the other, and `serviceAccountName` wins.
    """
    spec = layer.get("spec", {})
    if "serviceAccount" not in spec:
        return layer
    renamed = {name: value for name, value in spec.items() if name != "serviceAccount"}
    return {**layer, "spec": {"serviceAccountName": spec["serviceAccount"], **renamed}}
