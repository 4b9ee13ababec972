"""Structural schemas of core types, from the API server's own OpenAPI v3 documents.

A CRD allows no references, and one type for each value. So references are inlined (the types in use
do not recurse), quantities and ports become int-or-string, and keys that only native types may have
are left out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    Schema = dict[str, Any]
    Schemas = Mapping[str, Schema]

OBJECT_META_TYPE = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
POD_SPEC_TYPE = "io.k8s.api.core.v1.PodSpec"
INT_OR_STRING_TYPE = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
QUANTITY_TYPE = "io.k8s.apimachinery.pkg.api.resource.Quantity"

_QUANTITY_NUMBER = r"(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))"
QUANTITY_PATTERN = (
    rf"^(\+|-)?{_QUANTITY_NUMBER}(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?{_QUANTITY_NUMBER}))?$"
)

# The fields of the metadata inside a template: those that have an effect there, and name and
# namespace, which have none but which the CRDs of the Go operator accepted.
_TEMPLATE_METADATA = ("annotations", "finalizers", "labels", "name", "namespace")

# Enumerations in which the API server takes an empty text too, and means its default by it.
_EMPTY_ALLOWED = {
    "io.k8s.api.apps.v1.DaemonSetUpdateStrategy": ("type",),
    "io.k8s.api.apps.v1.DeploymentStrategy": ("type",),
    "io.k8s.api.core.v1.Container": ("imagePullPolicy", "terminationMessagePolicy"),
    "io.k8s.api.core.v1.ContainerPort": ("protocol",),
    "io.k8s.api.core.v1.EphemeralContainer": ("imagePullPolicy", "terminationMessagePolicy"),
    "io.k8s.api.core.v1.HTTPGetAction": ("scheme",),
    "io.k8s.api.core.v1.ImageVolumeSource": ("pullPolicy",),
    "io.k8s.api.core.v1.Lifecycle": ("stopSignal",),
    "io.k8s.api.core.v1.PodSpec": ("dnsPolicy", "restartPolicy"),
    "io.k8s.api.core.v1.Toleration": ("effect", "operator"),
}

_KEPT = (
    "description",
    "enum",
    "format",
    "required",
    "type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
)

_ABBREVIATION = re.compile(r"\b(e\.g|i\.e|etc|vs)\.$", re.IGNORECASE)


def first_sentence(text: str) -> str:
    """The first sentence of `text` on one line; a blank line ends a sentence as well."""
    paragraph = " ".join(text.strip().split("\n\n")[0].split())
    for end in re.finditer(r"\.(?= )", paragraph):
        sentence = paragraph[: end.end()]
        if not _ABBREVIATION.search(sentence):
            return sentence
    return paragraph


def core_schema(name: str, schemas: Schemas) -> Schema:
    """The structural schema of the core type `name`, complete and free of references.

    `schemas` are the `components.schemas` of documents that hold the type and all types that it
    refers to. Defaults are dropped: a field that the user leaves out must stay absent, since the
    template is merged over the default one.
    """
    if name == INT_OR_STRING_TYPE:
        return _int_or_string()
    if name == QUANTITY_TYPE:
        return _int_or_string() | {"pattern": QUANTITY_PATTERN}
    schema = _structural(schemas[name], schemas)
    for field in _EMPTY_ALLOWED.get(name, ()):
        enumeration = schema.get("properties", {}).get(field, {})
        if "enum" in enumeration:
            enumeration["enum"] = ["", *enumeration["enum"]]
    if name == OBJECT_META_TYPE:
        schema["properties"] = {key: schema["properties"][key] for key in _TEMPLATE_METADATA}
    if name == POD_SPEC_TYPE:
        schema.pop("required", None)  # the field `containers`: a template may be partial
    return schema


def _int_or_string() -> Schema:
    return {
        "anyOf": [{"type": "integer"}, {"type": "string"}],
        "x-kubernetes-int-or-string": True,
    }


def _structural(node: Schema, schemas: Schemas) -> Schema:
    reference = _reference(node)
    schema = core_schema(reference, schemas) if reference else {}
    schema |= {key: node[key] for key in _KEPT if key in node}
    if "description" in schema:
        schema["description"] = first_sentence(schema["description"])
    for key in ("items", "additionalProperties"):
        if key in node:
            schema[key] = _structural(node[key], schemas)
    if "properties" in node:
        schema["properties"] = {
            name: _structural(value, schemas) for name, value in node["properties"].items()
        }
    if "x-kubernetes-list-map-keys" in schema:
        _ensure_keys(schema, _resolve(node["items"], schemas))
    return schema


def _reference(node: Schema) -> str | None:
    """The type that a node refers to: by `$ref`, or by the single `$ref` in its `allOf`."""
    for holder in (node, *node.get("allOf", ())):
        if "$ref" in holder:
            return str(holder["$ref"]).rsplit("/", 1)[-1]
    return None


def _resolve(node: Schema, schemas: Schemas) -> Schema:
    reference = _reference(node)
    return schemas[reference] if reference else node


def _ensure_keys(schema: Schema, item: Schema) -> None:
    """Give each key of a list map its default, or else require it, as a CRD demands."""
    items = schema["items"]
    for key in schema["x-kubernetes-list-map-keys"]:
        if key in items.get("required", ()):
            continue
        if default := item["properties"][key].get("default"):
            items["properties"][key]["default"] = default
        else:
            items["required"] = sorted([*items.get("required", ()), key])
