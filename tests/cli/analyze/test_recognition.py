"""Nothing that somebody means for Falco is passed over without a word."""

from __future__ import annotations

import json

import pytest

from cli.analyze.analysis import analyzed
from cli.analyze.contents import Contents
from tests.cli.analyze.test_analysis import BAD_RULE, inline

GROUP = "artifact.falcosecurity.dev"
BAD = {"rule": "a", "desc": "d", "condition": "proc.nmae=x", "output": "o", "priority": "INFO"}
RULESFILE = {
    "apiVersion": f"{GROUP}/v1alpha1",
    "kind": "Rulesfile",
    "metadata": {"name": "mine"},
    "spec": {"inlineRules": [BAD]},
}
COMPACT = json.dumps(RULESFILE, separators=(",", ":")).encode()


def found_in(text, file="a.yaml"):
    contents = Contents()
    contents.add(file, text)
    errors = [one for one in analyzed(contents) if one.code.severity.word == "error"]
    return contents.checked, [(one.code.name, one.text) for one in errors]


FORMS = {
    "JSON on one line": COMPACT,
    "a List on one line": b'{"items":[%s],"kind":"List","apiVersion":"v1"}' % COMPACT,
    "indented as a whole": b"  " + inline(BAD_RULE).replace("\n", "\n  ").rstrip().encode(),
    "single quotes": inline(BAD_RULE)
    .replace("apiVersion:", "'apiVersion':")
    .replace("kind:", "'kind':")
    .encode(),
    "UTF-16, as PowerShell writes it": inline(BAD_RULE).encode("utf-16"),
    "rules as JSON": json.dumps([BAD]).encode(),
    "rules in UTF-16": BAD_RULE.encode("utf-16"),
}


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_every_form_of_yaml_and_json_is_checked(text):
    checked, [(code, _)] = found_in(text)
    assert (checked, code) == (1, "FAL0101")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"kind": "RulesFile"}, "there is no kind RulesFile in"),
        ({"apiVersion": f"{GROUP}/v1"}, f"there is no kind Rulesfile in {GROUP}/v1; there are"),
        ({"apiVersion": GROUP}, f"there is no kind Rulesfile in {GROUP}; there are"),
        ({"kind": ["Rulesfile"]}, "there is no kind"),
        ({"metadata": ["mine"]}, "metadata: it must be a map"),
        ({"metadata": {}}, "metadata.name: it is missing"),
        ({"metadata": {"name": "a/../b"}}, 'metadata.name: "a/../b" is not valid'),
        ({"metadata": {"name": "x" * 300}}, "metadata.name: "),
        ({"metadata": {"name": "a", "namespace": "x y"}}, 'metadata.namespace: "x y" is not'),
    ],
)
def test_a_document_of_our_groups_that_no_api_server_would_take_is_a_finding(changes, text):
    (one,) = found_in(json.dumps(RULESFILE | changes).encode())[1]
    assert one[0] == "FAL0002"
    assert one[1].startswith(text)
    assert len(one[1]) < 400


@pytest.mark.parametrize(
    "text",
    [b"a: {kind: x}\n", b'{"apiVersion":"v1","kind":"Config"}', b"\x00\x01", b"\xff\xfe\x00"],
)
def test_what_is_nothing_of_falco_s_is_passed_over(text):
    assert found_in(text) == (0, [])


def test_a_part_of_falco_yaml_may_have_a_key_kind():
    assert found_in(b"engine:\n  kind: modern_ebpf\n", "falco.yaml") == (1, [])
