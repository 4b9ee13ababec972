"""What the API server makes of a server-side apply: the test's own reading of its rules."""

import copy
import json

from resources.kubernetes.merge_shapes import SHAPES

UNTRACKED = {"name", "namespace", "uid", "resourceVersion", "generation"}


def applied(body, manager="falco-controller"):
    """The live object after `manager` applied `body` to a free name."""
    live = copy.deepcopy(body)
    fields = field_set(body, SHAPES[body["kind"]])
    for name in ("f:apiVersion", "f:kind"):
        fields.pop(name, None)
    metadata = fields["f:metadata"]
    for name in UNTRACKED:
        metadata.pop(f"f:{name}", None)
    if not metadata:
        del fields["f:metadata"]
    live["metadata"]["managedFields"] = [entry(manager, fields)]
    return live


def entry(manager, fields, operation="Apply", time="2026-01-01T00:00:00Z", **more):
    return {
        "manager": manager,
        "operation": operation,
        "apiVersion": "v1",
        "time": time,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
        **more,
    }


def field_set(value, shape):
    """The `fieldsV1` that an apply of the value owns, or None if it owns nothing."""
    if isinstance(value, dict) and value and not shape.atomic:
        children = {
            f"f:{name}": field_set(child, shape.under(name)) for name, child in value.items()
        }
        return {name: child for name, child in children.items() if child is not None} or None
    if isinstance(value, list) and shape.keys:
        items: dict = {}
        for item in value:
            keys = {key: item.get(key, shape.key_defaults.get(key)) for key in sorted(shape.keys)}
            element = "k:" + json.dumps(keys, separators=(",", ":"))
            if shape.item is not None and shape.item.atomic:
                items[element] = {}
            else:
                items[element] = {".": {}, **field_set(item, shape.of_item())}
        return items or None
    if isinstance(value, list) and shape.is_set:
        return {"v:" + json.dumps(item): {} for item in value} or None
    return {}
