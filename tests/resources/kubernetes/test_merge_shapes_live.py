"""The merge tables against the OpenAPI documents of a real API server."""

import pytest

from resources.kubernetes.kinds import KINDS
from resources.kubernetes.merge_shapes import SHAPES

QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"


@pytest.fixture(scope="module")
def schemas(control_plane):
    """Every schema of the groups that children belong to, by its name."""
    groups = {KINDS[kind].api_version for kind in SHAPES}
    paths = [f"/openapi/v3/{'apis' if '/' in group else 'api'}/{group}" for group in groups]
    documents = [control_plane.client.call("GET", path) for path in paths]
    return {
        name: schema
        for document in documents
        for name, schema in document["components"]["schemas"].items()
    }


def resolved(schema, schemas):
    """The schema with its reference inlined, and the name of the type that was referred to."""
    [reference] = schema.get("allOf", [schema])
    if "$ref" not in reference:
        return schema, None
    name = reference["$ref"].rpartition("/")[2]
    markers = {key: value for key, value in schema.items() if key.startswith("x-")}
    return {**schemas[name], **markers}, name


def type_of(kind, schemas):
    group, version, *_ = KINDS[kind]
    known = {"group": group, "version": version, "kind": kind}
    [name] = [
        name
        for name, schema in schemas.items()
        if known in schema.get("x-kubernetes-group-version-kind", [])
    ]
    return schemas[name]


def markers(schema, name, schemas):
    """What the document says about one place, in the words of a Shape."""
    kind = schema.get("x-kubernetes-list-type")
    item, _ = resolved(schema.get("items", {}), schemas)
    keys = schema.get("x-kubernetes-list-map-keys", []) if kind == "map" else []
    defaults = {key: item["properties"][key].get("default") for key in keys}
    return {
        "keys": set(keys),
        "key_defaults": {key: default for key, default in defaults.items() if default},
        "is_set": kind == "set",
        "atomic": schema.get("x-kubernetes-map-type") == "atomic",
        "quantity": name == QUANTITY,
    }


def declared(shape):
    return {
        "keys": set(shape.keys),
        "key_defaults": dict(shape.key_defaults),
        "is_set": shape.is_set,
        "atomic": shape.atomic,
        "quantity": shape.quantity,
    }


def compare(schema, shape, path, schemas, inside_atomic=False):
    """Yields where table and document disagree; inside an atomic value only quantities count."""
    schema, name = resolved(schema, schemas)
    expected, actual = markers(schema, name, schemas), declared(shape)
    is_list = schema.get("type") == "array"
    if is_list and not (expected["keys"] or expected["is_set"]):
        actual["atomic"] = False  # the rule for lists: spelling it out is allowed
        inside_atomic = True
    wrong = ["quantity"] if inside_atomic else list(expected)
    yield from (f"{path} {key}: {expected[key]}" for key in wrong if expected[key] != actual[key])
    inside_atomic = inside_atomic or expected["atomic"]
    properties = schema.get("properties", {})
    yield from (
        f"{path}.{key} is unknown" for key in {*shape.fields, *shape.one_of} - {*properties}
    )
    for key, child in properties.items():
        if f"{path}.{key}".endswith("metadata.managedFields") or path + key == "status":
            continue
        yield from compare(child, shape.under(key), f"{path}.{key}", schemas, inside_atomic)
    if is_list:
        yield from compare(schema["items"], shape.of_item(), f"{path}[]", schemas, inside_atomic)
    if isinstance(schema.get("additionalProperties"), dict):
        values = schema["additionalProperties"]
        yield from compare(values, shape.under("*"), f"{path}.*", schemas, inside_atomic)


@pytest.mark.parametrize("kind", SHAPES)
def test_every_list_and_map_merges_as_the_api_server_says(kind, schemas):
    assert list(compare(type_of(kind, schemas), SHAPES[kind], "", schemas)) == []


def test_the_sources_of_a_volume_are_all_its_other_fields(schemas):
    template = SHAPES["DaemonSet"].under("spec").under("template").under("spec")
    volume = template.under("volumes").of_item()
    assert volume.one_of == schemas["io.k8s.api.core.v1.Volume"]["properties"].keys() - {"name"}


def test_what_an_environment_variable_may_come_from_is_complete(schemas):
    template = SHAPES["DaemonSet"].under("spec").under("template").under("spec")
    variable = template.under("containers").of_item().under("env").of_item()
    sources = schemas["io.k8s.api.core.v1.EnvVarSource"]["properties"]
    assert variable.under("valueFrom").one_of == sources.keys()
    assert variable.one_of == schemas["io.k8s.api.core.v1.EnvVar"]["properties"].keys() - {"name"}
