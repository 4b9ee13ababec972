import json

import pytest

from resources.meta import ObjectMeta
from resources.reference import ObjectRef
from resources.references import FINALIZERS, is_protected, references

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
    assert references(artifact(**spec)) == named


def test_an_artifact_without_a_spec_names_nothing():
    assert references(b'{"metadata": {"name": "a", "namespace": "ns"}}') == frozenset()


@pytest.mark.parametrize("kind", ["Secret", "ConfigMap"])
def test_an_object_is_protected_by_the_finalizer_of_its_kind_alone(kind):
    other = next(name for known, name in FINALIZERS.items() if known != kind)
    assert is_protected(kind, ObjectMeta(finalizers=("x/y", FINALIZERS[kind])))
    assert not is_protected(kind, ObjectMeta(finalizers=("x/y", other)))
    assert not is_protected(kind, ObjectMeta())
