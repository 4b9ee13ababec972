import re

import pytest

from crds.structural import QUANTITY_PATTERN, core_schema, first_sentence

STRING = {"type": "string", "default": "", "description": "A name. More about it."}


def reference(name):
    return {"$ref": f"#/components/schemas/{name}"}


def listed(item, *keys):
    return {
        "type": "array",
        "items": {"allOf": [reference(item)], "default": {}},
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": list(keys),
        "x-kubernetes-patch-strategy": "merge",
        "x-kubernetes-patch-merge-key": keys[0],
    }


SCHEMAS = {
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {
        "format": "int-or-string",
        "oneOf": [{"type": "integer"}, {"type": "string"}],
    },
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {
        "oneOf": [{"type": "string"}, {"type": "number"}],
    },
    "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta": {
        "type": "object",
        "properties": dict.fromkeys(
            ("annotations", "finalizers", "labels", "name", "namespace", "uid", "managedFields"),
            STRING,
        ),
    },
    "io.k8s.api.core.v1.PodSpec": {
        "type": "object",
        "required": ["containers"],
        "properties": {"containers": listed("Container", "name")},
    },
    "Container": {
        "type": "object",
        "description": "A container. It runs.",
        "required": ["name"],
        "properties": {
            "name": STRING,
            "ports": listed("Port", "containerPort", "protocol"),
            "imagePullPolicy": {"type": "string", "enum": ["Always", "Never"]},
        },
    },
    "Port": {
        "type": "object",
        "required": ["containerPort"],
        "properties": {
            "containerPort": {"type": "integer", "format": "int32", "default": 0},
            "protocol": {"type": "string", "default": "TCP"},
            "name": {"type": "string", "default": "http"},
        },
    },
    "Secrets": listed("Secret", "name"),
    "Secret": {
        "type": "object",
        "properties": {"name": STRING},
        "x-kubernetes-map-type": "atomic",
        "x-kubernetes-unions": [{"discriminator": "type"}],
    },
    "Limits": {
        "type": "object",
        "additionalProperties": reference("io.k8s.apimachinery.pkg.api.resource.Quantity"),
    },
}


def keys_anywhere(node):
    if isinstance(node, dict):
        yield from node
        node = list(node.values())
    if isinstance(node, list):
        for value in node:
            yield from keys_anywhere(value)


def test_an_enumeration_with_a_default_takes_an_empty_text_too():
    name = "io.k8s.api.core.v1.Toleration"
    effect = {"type": "string", "enum": ["NoExecute", "NoSchedule"]}
    schemas = {name: {"type": "object", "properties": {"effect": effect, "key": STRING}}}
    effects = core_schema(name, schemas)["properties"]["effect"]["enum"]
    assert effects == ["", "NoExecute", "NoSchedule"]
    assert effect["enum"] == effects[1:]


@pytest.mark.parametrize("name", SCHEMAS)
def test_nothing_is_left_that_a_crd_refuses(name):
    refused = {"$ref", "allOf", "oneOf", "x-kubernetes-unions"}
    patches = {"x-kubernetes-patch-strategy", "x-kubernetes-patch-merge-key"}
    assert not (refused | patches) & set(keys_anywhere(core_schema(name, SCHEMAS)))


def test_a_port_number_or_name_has_no_type_of_its_own():
    assert core_schema("io.k8s.apimachinery.pkg.util.intstr.IntOrString", SCHEMAS) == {
        "anyOf": [{"type": "integer"}, {"type": "string"}],
        "x-kubernetes-int-or-string": True,
    }


def test_values_of_a_map_are_inlined_too():
    assert core_schema("Limits", SCHEMAS)["additionalProperties"]["pattern"] == QUANTITY_PATTERN


@pytest.mark.parametrize(
    "quantity", ["1", "100m", "1.5Gi", ".5", "+1k", "-2", "1e3", "12E+2", "5."]
)
def test_a_quantity_is_accepted(quantity):
    assert re.search(QUANTITY_PATTERN, quantity)


@pytest.mark.parametrize("text", ["", "1 Gi", "1GB", "Mi", "1,5", "one", "0x10"])
def test_what_is_no_quantity_is_refused(text):
    assert not re.search(QUANTITY_PATTERN, text)


def test_a_pod_spec_needs_no_containers():
    schema = core_schema("io.k8s.api.core.v1.PodSpec", SCHEMAS)
    assert "required" not in schema
    assert schema["properties"]["containers"]["items"]["required"] == ["name"]


def test_metadata_within_a_template_keeps_only_what_a_user_sets():
    schema = core_schema("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", SCHEMAS)
    assert list(schema["properties"]) == [
        "annotations",
        "finalizers",
        "labels",
        "name",
        "namespace",
    ]


def test_only_the_default_of_a_list_key_is_kept():
    port = core_schema("Container", SCHEMAS)["properties"]["ports"]["items"]
    assert port["properties"]["protocol"]["default"] == "TCP"
    assert port["required"] == ["containerPort"]
    assert list(keys_anywhere(core_schema("Container", SCHEMAS))).count("default") == 1


def test_a_list_key_without_a_default_is_required():
    schema = core_schema("Secrets", SCHEMAS)
    assert schema["x-kubernetes-list-map-keys"] == ["name"]
    assert schema["items"]["required"] == ["name"]


def test_enums_and_map_types_are_kept():
    container = core_schema("Container", SCHEMAS)
    assert container["properties"]["imagePullPolicy"]["enum"] == ["Always", "Never"]
    assert core_schema("Secret", SCHEMAS)["x-kubernetes-map-type"] == "atomic"


def test_the_source_is_left_as_it_was():
    core_schema("Secrets", SCHEMAS)
    assert "required" not in SCHEMAS["Secret"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("One.", "One."),
        ("One. Two.", "One."),
        ("No end", "No end"),
        ("First\nline. Second.", "First line."),
        ("A heading\n\nThe text. More.", "A heading"),
        ("Names, e.g. a port, i.e. a number. More.", "Names, e.g. a port, i.e. a number."),
        ("Version 1.2 of it. More.", "Version 1.2 of it."),
    ],
)
def test_a_description_is_cut_after_its_first_sentence(text, sentence):
    assert first_sentence(text) == sentence
