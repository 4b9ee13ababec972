"""The schema of an installed CRD against the types of this release."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from resources.kubernetes.definition import ENFORCED, validations

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from resources.kubernetes.definition import ResourceDefinition

Schema = dict[str, Any]

# Descriptions change nothing.
_ALL = ("default", *ENFORCED)
# The API server defines them itself.
_HEAD = ("apiVersion", "kind", "metadata")


class SchemaDifferences(NamedTuple):
    """Paths of fields that the installed schema lacks, has beyond ours, or restricts otherwise."""

    lacking: tuple[str, ...]
    unknown: tuple[str, ...]
    other: tuple[str, ...]


def differences(definition: ResourceDefinition, installed: Mapping[str, Any]) -> SchemaDifferences:
    """How an `openAPIV3Schema` differs from the fields of a kind.

    What Kubernetes defines, such as a pod template, is only looked for.
    """
    document = msgspec.json.decode(msgspec.json.encode(msgspec.json.schema(definition.type)))
    wanted = _inlined(document, document["$defs"])
    if definition.rules:
        wanted["x-kubernetes-validations"] = validations(definition.rules)
    found = list(_compared(wanted, installed, document["$defs"], ()))
    lacking, unknown, other = (
        tuple(sorted(".".join(path) for kind, path in found if kind == wanted_kind))
        for wanted_kind in ("lacking", "unknown", "other")
    )
    return SchemaDifferences(lacking, unknown, other)


def _compared(
    wanted: Schema, installed: Mapping[str, Any], definitions: Schema, path: tuple[str, ...]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    if "openapi" in wanted:
        return
    if any(_constraint(wanted, key, path) != _constraint(installed, key, path) for key in _ALL):
        yield "other", path or ("the whole",)
    for key in ("items", "additionalProperties"):
        if isinstance(wanted.get(key), dict):
            below = installed.get(key)
            inner = _inlined(wanted[key], definitions)
            below = below if isinstance(below, dict) else {}
            yield from _compared(inner, below, definitions, (*path, "*"))
    ours, theirs = (_properties(schema, path) for schema in (wanted, installed))
    for name in ours.keys() - theirs.keys():
        yield "lacking", (*path, name)
    for name in theirs.keys() - ours.keys():
        yield "unknown", (*path, name)
    for name in ours.keys() & theirs.keys():
        inner = _inlined(ours[name], definitions)
        yield from _compared(inner, theirs[name], definitions, (*path, name))


def _properties(schema: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    properties = schema.get("properties") or {}
    return {name: value for name, value in properties.items() if path or name not in _HEAD}


def _constraint(schema: Mapping[str, Any], key: str, path: tuple[str, ...]) -> Any:
    """What a schema demands, where both spellings of nothing are the same."""
    value = schema.get(key)
    if key == "default":
        # Only these become a default of the CRD.
        return value if value and isinstance(value, str | int | dict) else None
    if key == "type" and not path:
        return "object"
    if key == "required":
        return sorted(value or ())
    return value or None if key != "minimum" else value


def _inlined(node: Schema, definitions: Schema) -> Schema:
    """The node with its reference, or its only type beside null, inlined; its own keys win."""
    if "anyOf" in node:
        (target,) = (option for option in node["anyOf"] if option != {"type": "null"})
    elif "$ref" in node:
        target = definitions[node["$ref"].rsplit("/", 1)[-1]]
    else:
        return node
    own = {key: value for key, value in node.items() if key not in ("anyOf", "$ref")}
    return _inlined(target, definitions) | own
