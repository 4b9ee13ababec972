"""The CustomResourceDefinition of a kind, from its type and the API server's OpenAPI documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from crds.structural import core_schema, first_sentence
from resources.kubernetes.definition import validations

if TYPE_CHECKING:
    from crds.structural import Schema, Schemas
    from resources.kubernetes.definition import Column, ResourceDefinition

_KEPT = (
    "enum",
    "format",
    "maxItems",
    "maxLength",
    "maximum",
    "minLength",
    "minimum",
    "pattern",
    "required",
    "type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-validations",
)

# The API server knows the rest and allows no word about it; rules see the name only if it is here.
_METADATA_SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}}
_API_VERSION = "The group and version of this representation, such as {}."
_KIND = "The kind of this object: {}."


# By these the CRDs are told from what else is installed with them.
_LABELS = {
    "app.kubernetes.io/name": "falco-operator",
    "app.kubernetes.io/component": "crds",
}


def crd(definition: ResourceDefinition, schemas: Schemas) -> dict[str, Any]:
    """Return the CRD document of `definition`.

    `schemas` are the `components.schemas` of the API server's documents for core/v1 and apps/v1;
    fields that name a core type are filled in from them.
    """
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": definition.crd_name, "labels": _LABELS},
        "spec": {
            "group": definition.group,
            "names": _names(definition),
            "scope": "Namespaced",
            "versions": [_version(definition, schemas)],
        },
    }


def _names(definition: ResourceDefinition) -> dict[str, Any]:
    names: dict[str, Any] = {
        "kind": definition.kind,
        "listKind": f"{definition.kind}List",
        "plural": definition.plural,
        "singular": definition.singular,
    }
    if definition.categories:
        names["categories"] = sorted(definition.categories)
    return names


def _version(definition: ResourceDefinition, schemas: Schemas) -> dict[str, Any]:
    version: dict[str, Any] = {
        "name": definition.version,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": [_column(column) for column in definition.columns],
        "schema": {"openAPIV3Schema": root_schema(definition, schemas)},
    }
    if definition.has_status:
        version["subresources"] = {"status": {}}
    return version


def _column(column: Column) -> dict[str, Any]:
    return {
        "name": column.name,
        "type": column.type,
        "jsonPath": column.path,
        "description": column.description,
    }


def root_schema(definition: ResourceDefinition, schemas: Schemas) -> Schema:
    """Return the structural schema of the whole object."""
    document = msgspec.json.schema(definition.type)
    schema = flatten(document, document["$defs"], schemas)
    schema["properties"] |= {
        "apiVersion": {
            "type": "string",
            "description": _API_VERSION.format(f"{definition.group}/{definition.version}"),
        },
        "kind": {"type": "string", "description": _KIND.format(definition.kind)},
        "metadata": _METADATA_SCHEMA,
    }
    if definition.rules:
        schema["x-kubernetes-validations"] = validations(definition.rules)
    return schema


def flatten(node: Schema, definitions: Schemas, schemas: Schemas) -> Schema:
    """Turn msgspec's JSON schema of a type into a structural one.

    References are inlined, null is dropped (what may be null may be absent), and a value of any
    kind is kept as it stands. `openapi` names the core type whose schema stands in for the field's.
    """
    node = _inlined(node, definitions)
    schema = _value(node, definitions, schemas)
    if "description" in node:
        schema["description"] = first_sentence(node["description"])
    # A default in Python is one at the API server too, unless it only says "nothing".
    default = node.get("default")
    if default and isinstance(default, str | int):
        schema["default"] = default
    return schema


def _value(node: Schema, definitions: Schemas, schemas: Schemas) -> Schema:
    if "openapi" in node:
        return core_schema(node["openapi"], schemas)
    if "type" not in node:
        return {"x-kubernetes-preserve-unknown-fields": True}
    schema = {key: node[key] for key in _KEPT if node.get(key) not in (None, [])}
    for key in ("items", "additionalProperties"):
        if key in node:
            schema[key] = flatten(node[key], definitions, schemas)
    if "properties" in node:
        schema["properties"] = {
            name: flatten(value, definitions, schemas) for name, value in node["properties"].items()
        }
    return schema


def _inlined(node: Schema, definitions: Schemas) -> Schema:
    """Merge what a node refers to, or its one type beside null, into it; its own words win."""
    if "anyOf" in node:
        (target,) = (option for option in node["anyOf"] if option != {"type": "null"})
    elif "$ref" in node:
        target = definitions[node["$ref"].rsplit("/", 1)[-1]]
    else:
        return node
    own = {key: value for key, value in node.items() if key not in ("anyOf", "$ref")}
    return _inlined(target, definitions) | own
