"""Every character of a body reaches the API server's storage as it was sent."""

import json
import sys

import pytest

from actors.api.body import json_body
from resources.kubernetes.kinds import KINDS
from resources.kubernetes.reference import ObjectRef
from tests.api import Api, manifest

EVERY_CHARACTER = "".join(
    chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code <= 0xDFFF
)
# Characters that have changed or failed when they were sent unescaped, each between spaces, since
# a line break of YAML takes the spaces around it along.
HARD = [chr(code) for code in (0, 0x7F, 0x80, 0x85, 0x9F, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF)]
TEXTS = [f"a {character} b" for character in (*HARD, "".join(HARD), "\t", "é", "😀")]


def test_a_body_decodes_to_what_was_encoded():
    assert json.loads(json_body({"text": EVERY_CHARACTER})) == {"text": EVERY_CHARACTER}


def test_a_backslash_before_such_a_character_stays_a_backslash():
    assert json.loads(json_body(["\\\x85", "\\\\\u2028"])) == ["\\\x85", "\\\\\u2028"]


def test_a_body_has_no_character_that_yaml_changes_or_refuses():
    text = json_body(EVERY_CHARACTER).decode()
    assert not [character for character in HARD if character in text]


async def test_every_basic_character_is_stored_by_an_apply_as_it_was_sent(client, namespace):
    ref = ObjectRef("ConfigMap", namespace, "text")
    data = {f"page-{page}": EVERY_CHARACTER[page << 12 : page + 1 << 12] for page in range(20)}
    body = manifest(ref.kind, namespace, ref.name, data=data)
    await client.apply(ref, body, "tests")
    assert json.loads(await client.get(ref))["data"] == data


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
async def test_a_spec_and_a_status_are_stored_as_they_were_sent(cluster, client, namespace, text):
    ref = ObjectRef("Falco", namespace, "text")
    head = {"apiVersion": KINDS[ref.kind].api_version, "kind": ref.kind}
    annotations = {"metadata": {"annotations": {"text": text}}}
    env = {"containers": [{"name": "falco", "env": [{"name": "TEXT", "value": text}]}]}
    template = {**annotations, "spec": env}
    name = {"name": ref.name, "namespace": namespace, **annotations["metadata"]}
    spec = {"podTemplateSpec": template}
    await client.apply(ref, {**head, "metadata": name, "spec": spec}, "tests")
    condition = {
        "type": "Reconciled",
        "status": "True",
        "reason": "Text",
        "message": text,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
        "observedGeneration": 1,
    }
    status = {"conditions": [condition]}
    await client.apply(ref, {**head, "metadata": name, "status": status}, "tests", "status")
    stored = Api(cluster).get(*ref)
    assert stored["metadata"]["annotations"]["text"] == text
    assert stored["spec"] == spec
    assert condition in stored["status"]["conditions"]
