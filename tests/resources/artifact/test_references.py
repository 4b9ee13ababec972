import json

import pytest

from resources.artifact.references import FINALIZERS, is_protected, references
from resources.kubernetes.meta import ObjectMeta
from resources.kubernetes.reference import ObjectRef

SECRET = ObjectRef("Secret", "ns", "token")
RULES = ObjectRef("ConfigMap", "ns", "rules")
AUTHORITY = ObjectRef("ConfigMap", "ns", "ca")


def artifact(**spec):
    return json.dumps({"metadata": {"name": "a", "namespace": "ns"}, "spec": spec}).encode()


def oci(**registry):
    return {"image": {"repository": "falco/rules"}, "registry": registry}


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        ({}, set()),
        ({"inlineRules": [{"rule": "x"}]}, set()),
        ({"ociArtifact": {"image": {"repository": "r"}}}, set()),
        ({"ociArtifact": oci(auth={})}, set()),
        ({"configMapRef": {"name": "rules"}}, {RULES}),
        ({"ociArtifact": oci(auth={"secretRef": {"name": "token"}})}, {SECRET}),
        ({"ociArtifact": oci(tls={"caConfigMapRef": {"name": "ca"}})}, {AUTHORITY}),
        (
            {
                "configMapRef": {"name": "rules"},
                "ociArtifact": oci(
                    auth={"secretRef": {"name": "token"}}, tls={"caConfigMapRef": {"name": "ca"}}
                ),
            },
            {RULES, SECRET, AUTHORITY},
        ),
        ({"configMapRef": None, "ociArtifact": None}, set()),
    ],
)
def test_an_artifact_names_what_it_reads_in_its_own_namespace(spec, named):
    assert references(artifact(**spec)).all == named


@pytest.mark.parametrize("name", ["a", "a.b", "0-9.x", "x" * 253])
def test_a_name_that_an_object_can_have_is_a_reference(name):
    named = references(artifact(configMapRef={"name": name})).all
    assert named == {ObjectRef("ConfigMap", "ns", name)}


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "../x", "a/b", "a/status", "a?b=c", "a#b", "a%2Fb", "*"),
        *("A", "a_b", "-a", "a-", "a.", "a..b", "a\n", "ä", "٣", "x" * 254),
    ],
)
def test_a_name_that_no_object_can_have_names_nothing(name):
    assert references(artifact(configMapRef={"name": name})).all == frozenset()


def test_an_artifact_without_a_spec_names_nothing():
    assert not references(b'{"metadata": {"name": "a", "namespace": "ns"}}').all


@pytest.mark.parametrize("kind", ["Secret", "ConfigMap"])
def test_an_object_is_protected_by_the_finalizer_of_its_kind_alone(kind):
    other = next(name for known, name in FINALIZERS.items() if known != kind)
    assert is_protected(kind, ObjectMeta(finalizers=("x/y", FINALIZERS[kind])))
    assert not is_protected(kind, ObjectMeta(finalizers=("x/y", other)))
    assert not is_protected(kind, ObjectMeta())
