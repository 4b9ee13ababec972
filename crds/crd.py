"""The CustomResourceDefinition of a kind, from its Python type and the OpenAPI of core types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from crds.structural import core_schema, first_sentence
from resources.kubernetes.definition import ENFORCED, validations

if TYPE_CHECKING:
    from crds.structural import Schema, Schemas
    from resources.kubernetes.definition import Column, ResourceDefinition

# The API server defines metadata itself, and allows a CRD only this: rules can read the name.
_METADATA_SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}}
_API_VERSION = "The group and version of this representation, such as {}."
_KIND = "The kind of this object: {}."


# These labels tell the CRDs from the other objects that are installed with them.
_LABELS = {
    "app.kubernetes.io/name": "falco-operator",
    "app.kubernetes.io/component": "crds",
}


def crd(definition: ResourceDefinition, schemas: Schemas) -> dict[str, Any]:
    """The CRD of `definition`, as a document.

    `schemas` are the `components.schemas` of the API server's documents for core/v1 and apps/v1;
    a field that names a core type gets its schema from them.
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
    """The structural schema of the whole object."""
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
    """The structural schema of a node of msgspec's JSON schema.

    References are inlined; null is dropped, since a field that may be null may be absent; a field
    without a type accepts any value. The key `openapi` names a core type, whose schema is used.
    """
    node = _inlined(node, definitions)
    schema = _value(node, definitions, schemas)
    if "description" in node:
        schema["description"] = first_sentence(node["description"])
    # The API server gets the default of the Python type too, unless that is empty.
    default = node.get("default")
    if default and isinstance(default, str | int | dict):
        schema["default"] = default
    return schema


def _value(node: Schema, definitions: Schemas, schemas: Schemas) -> Schema:
    if "openapi" in node:
        return core_schema(node["openapi"], schemas)
    if "type" not in node:
        return {"x-kubernetes-preserve-unknown-fields": True}
    schema = {key: node[key] for key in ENFORCED if node.get(key) not in (None, [])}
    for key in ("items", "additionalProperties"):
        if key in node:
            schema[key] = flatten(node[key], definitions, schemas)
    if "properties" in node:
        schema["properties"] = {
            name: flatten(value, definitions, schemas) for name, value in node["properties"].items()
        }
    return schema


def _inlined(node: Schema, definitions: Schemas) -> Schema:
    """The node with its reference, or its only type beside null, inlined; its own keys win."""
    if "anyOf" in node:
        (target,) = (option for option in node["anyOf"] if option != {"type": "null"})
    elif "$ref" in node:
        target = definitions[node["$ref"].rsplit("/", 1)[-1]]
    else:
        return node
    own = {key: value for key, value in node.items() if key not in ("anyOf", "$ref")}
    return _inlined(target, definitions) | own
