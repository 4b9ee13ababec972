"""Zero values in a template, judged by what the API server makes of them; nothing is stored."""

import copy
from pathlib import Path

import pytest
import yaml

from resources.kubernetes.overlay import normalized
from tests.resources.kubernetes.scalar_fields import scalar_fields
from tests.resources.live import apply

CRD = Path("crds/falcos.instance.falcosecurity.dev.yaml")


@pytest.fixture(scope="module")
def judged(control_plane):
    """Each scalar field, with the templates stored for its absence and for its zero, or None."""
    schemas = control_plane.client.call("GET", "/openapi/v3/apis/apps/v1")["components"]["schemas"]
    return [
        (field, stored(control_plane, field.absent), stored(control_plane, field.zero))
        for field in scalar_fields(schemas)
    ]


def stored(control_plane, template):
    template = copy.deepcopy(template)
    template.setdefault("metadata", {}).setdefault("labels", {})["app"] = "x"
    spec = template.setdefault("spec", {})
    if not spec.get("containers"):
        spec["containers"] = [{"name": "x", "image": "x:1"}]
    if "volumeMounts" in spec["containers"][0]:
        spec["volumes"] = [{"name": "x", "emptyDir": {}}]
    body = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "zeros", "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"app": "x"}}, "template": template},
    }
    status, made = apply(control_plane, body, dryRun="All")
    return made["spec"]["template"] if status == 201 else None


def test_an_empty_text_that_the_api_server_takes_as_absent_is_absent(judged):
    texts = [
        field
        for field, absent, zero in judged
        if field.type == "string" and absent is not None and absent == zero
    ]
    assert len(texts) > 50
    kept = [field for field in texts if normalized(field.zero) != normalized(field.absent)]
    # A file system and a value may be empty text; a name without text is refused by the schema.
    excepted = (".value", ".fsType", ".imagePullSecrets[].name")
    assert [field.path for field in kept if not field.path.endswith(excepted)] == []


def test_an_empty_text_that_the_api_server_stores_stays(judged):
    for field, absent, zero in judged:
        is_free = value_at(field.absent, field.path) is None  # some fields may not be absent
        if field.type == "string" and is_free and None not in (absent, zero) and absent != zero:
            assert normalized(field.zero) == field.zero, field.path


def test_a_zero_that_the_api_server_replaces_is_absent_and_any_other_stays(judged):
    for field, absent, zero in judged:
        if field.type in ("integer", "boolean") and None not in (absent, zero):
            is_default = absent == zero and value_at(zero, field.path) not in (0, None)
            expected = field.absent if is_default else field.zero
            assert normalized(expected) == normalized(field.zero), field.path
            assert (normalized(field.zero) == field.zero) is not is_default, field.path


def test_the_crd_takes_an_empty_text_where_the_api_server_does(judged):
    document = yaml.load(CRD.read_text("utf-8"), Loader=yaml.CSafeLoader)
    [version] = document["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    template = schema["podTemplateSpec"]
    enums = [(field, zero) for field, absent, zero in judged if field.enum and absent is not None]
    assert len(enums) > 20
    for field, zero in enums:
        assert ("" in schema_at(template, field.path)["enum"]) is (zero is not None), field.path


def value_at(template, path):
    for step in path.removeprefix(".").replace("[]", ".0").split("."):
        if not template:
            return None
        template = template[int(step)] if step.isdigit() else template.get(step)
    return template


def schema_at(schema, path):
    for step in path.removeprefix(".").replace("[]", ".items").split("."):
        if step == "items":
            schema = schema["items"]
        else:
            schema = schema["additionalProperties"] if step == "*" else schema["properties"][step]
    return schema
