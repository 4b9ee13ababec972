from typing import Annotated, Any

import msgspec
import pytest

from crds.crd import crd, flatten
from resources.artifact import config, nodereport, plugin, rulesfile
from resources.component import spec as component
from resources.falco import spec as falco
from resources.kubernetes.definition import ValidationRule, doc

KINDS = (falco, component, rulesfile, plugin, config, nodereport)
CORE = {
    "io.k8s.api.core.v1.PodTemplateSpec": {"type": "object", "description": "A template."},
    "io.k8s.api.apps.v1.DaemonSetUpdateStrategy": {"type": "object"},
    "io.k8s.api.apps.v1.DeploymentStrategy": {"type": "object"},
}


class Leaf(msgspec.Struct):
    """A leaf. It is green."""

    name: str


class Tree(msgspec.Struct, rename="camel"):
    """A tree."""

    required: Leaf
    described: Annotated[Leaf | None, doc("Its own words. And more.")] = None
    number: Annotated[int | None, doc("A number.", minimum=0, maximum=99)] = None
    anything: Annotated[Any, doc("Anything.")] = None
    defaulted: int = 50
    off: bool = False
    empty: str = ""
    leaves: tuple[Leaf, ...] = ()
    labels: dict[str, str] = {}
    template: Annotated[
        dict[str, Any] | None, doc("Ours.", openapi="io.k8s.api.core.v1.PodTemplateSpec")
    ] = None
    ruled: Annotated[str | None, doc("Ruled.", ValidationRule("self != ''", "say something"))] = (
        None
    )


def tree():
    document = msgspec.json.schema(Tree)
    return flatten(document, document["$defs"], CORE)


LEAF = {
    "type": "object",
    "description": "A leaf.",
    "properties": {"name": {"type": "string"}},
    "required": ["name"],
}


@pytest.mark.parametrize(
    ("field", "schema"),
    [
        ("required", LEAF),
        ("described", LEAF | {"description": "Its own words."}),
        (
            "number",
            {"type": "integer", "minimum": 0, "maximum": 99, "description": "A number."},
        ),
        (
            "anything",
            {"x-kubernetes-preserve-unknown-fields": True, "description": "Anything."},
        ),
        ("defaulted", {"type": "integer", "default": 50}),
        ("off", {"type": "boolean"}),
        ("empty", {"type": "string"}),
        ("leaves", {"type": "array", "items": LEAF}),
        ("labels", {"type": "object", "additionalProperties": {"type": "string"}}),
        ("template", {"type": "object", "description": "Ours."}),
        (
            "ruled",
            {
                "type": "string",
                "description": "Ruled.",
                "x-kubernetes-validations": [{"rule": "self != ''", "message": "say something"}],
            },
        ),
    ],
)
def test_a_field_becomes_structural(field, schema):
    assert tree()["properties"][field] == schema


def test_only_what_has_no_default_in_python_is_required():
    assert tree()["required"] == ["required"]


def test_a_union_of_two_types_is_refused():
    with pytest.raises(ValueError, match="too many values"):
        flatten({"anyOf": [{"type": "string"}, {"type": "integer"}]}, {}, {})


def version(kind):
    return crd(kind.DEFINITION, CORE)["spec"]["versions"][0]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.DEFINITION.kind)
def test_names_agree_with_each_other(kind):
    document = crd(kind.DEFINITION, CORE)
    names = document["spec"]["names"]
    assert document["metadata"]["name"] == f"{names['plural']}.{document['spec']['group']}"
    assert names["singular"] == names["kind"].lower()
    assert document["spec"]["scope"] == "Namespaced"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.DEFINITION.kind)
def test_nothing_is_said_of_metadata_but_that_it_has_a_name(kind):
    metadata = version(kind)["schema"]["openAPIV3Schema"]["properties"]["metadata"]
    assert metadata == {"type": "object", "properties": {"name": {"type": "string"}}}


COMMON = ["Reconciled", "Available", "Age"]
CONFIG_SUMMED = ["Programmed", "Loaded", "ResolvedRefs", "Pods", "Age"]
SUMMED = ["Programmed", "Loaded", "Compatible", "ResolvedRefs", "Pods", "Age"]


@pytest.mark.parametrize(
    ("kind", "columns"),
    [
        (falco, ["Type", "Version", "Desired", "Ready", *COMMON]),
        (component, ["Type", "ResourceType", "Version", "Desired", "Ready", *COMMON]),
        (rulesfile, ["Priority", *SUMMED]),
        (config, ["Priority", *CONFIG_SUMMED]),
        (plugin, SUMMED),
        (nodereport, ["Node", "Falco", "Version", "Engine", "Age"]),
    ],
    ids=lambda value: value.DEFINITION.kind if hasattr(value, "DEFINITION") else "",
)
def test_columns_are_those_that_users_know(kind, columns):
    assert [column["name"] for column in version(kind)["additionalPrinterColumns"]] == columns


def test_every_kind_but_the_report_has_a_status_subresource():
    without = [kind.DEFINITION.kind for kind in KINDS if "subresources" not in version(kind)]
    assert without == ["NodeReport"]


def unseen(*names):
    conditions = (
        {
            "type": name,
            "status": "Unknown",
            "reason": "Pending",
            "message": "Waiting for the operator",
            "lastTransitionTime": "1970-01-01T00:00:00Z",
            "observedGeneration": 0,
        }
        for name in names
    )
    return {".status": {"conditions": tuple(conditions)}}


UNSEEN_CONFIG = unseen("ResolvedRefs", "Programmed", "Loaded")
UNSEEN = unseen("ResolvedRefs", "Programmed", "Loaded", "Compatible")


def defaults(schema, path=""):
    if "default" in schema:
        yield path, schema["default"]
    for name, value in schema.get("properties", {}).items():
        yield from defaults(value, f"{path}.{name}")


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        (falco, unseen("Reconciled", "Available")),
        (component, unseen("Reconciled", "Available")),
        (config, UNSEEN_CONFIG | {".spec.priority": 50}),
        (
            rulesfile,
            UNSEEN
            | {
                ".spec.priority": 50,
                ".spec.ociArtifact.image.tag": "latest",
                ".spec.ociArtifact.pollInterval": "10m",
            },
        ),
        (
            plugin,
            UNSEEN
            | {".spec.ociArtifact.image.tag": "latest", ".spec.ociArtifact.pollInterval": "10m"},
        ),
    ],
    ids=lambda value: value.DEFINITION.kind if hasattr(value, "DEFINITION") else "",
)
def test_only_what_does_not_depend_on_the_rest_has_a_default(kind, wanted):
    assert dict(defaults(version(kind)["schema"]["openAPIV3Schema"])) == wanted


@pytest.mark.parametrize(
    ("kind", "stored"),
    [
        (falco, {"spec": {"type": "StatefulSet", "replicas": 0, "version": "not a tag!"}}),
        (rulesfile, {"spec": {"priority": 1000, "selector": {"matchLabels": None}}}),
        (plugin, {"metadata": {"labels": None, "finalizers": None}}),
        (config, {"spec": {"unknown": True, "config": [1, "two", None]}}),
    ],
    ids=lambda value: value.DEFINITION.kind if hasattr(value, "DEFINITION") else "",
)
def test_what_an_older_crd_let_pass_is_decoded_all_the_same(kind, stored):
    msgspec.convert(stored, kind.DEFINITION.type)
