"""Whose an object is, by its owner references, its labels and the managers of its fields."""

import pytest

from resources.instance.labels import child_labels
from resources.instance.owner import Ownership, ownership
from resources.kubernetes.reference import ObjectRef, Owner

OWNER = Owner(ObjectRef("Falco", "ns", "falco"), "u-1")
LABELS = child_labels("falco", None, ())
OURS = {"manager": "falco-controller", "operation": "Apply", "fieldsV1": {}}
APPS = {"apiVersion": "apps/v1", "controller": True}
GROUP = "instance.falcosecurity.dev"


def live(*references, labels=LABELS, managers=(OURS,)):
    metadata = {"name": "falco", "namespace": "ns", "labels": labels, "managedFields": [*managers]}
    return {"metadata": metadata | ({"ownerReferences": [*references]} if references else {})}


def falco(uid, **fields):
    kind = {"apiVersion": f"{GROUP}/v1alpha1", "kind": "Falco", "name": "falco"}
    return {**kind, "uid": uid, "controller": True, **fields}


@pytest.mark.parametrize(
    "document",
    [
        live(falco("u-1")),
        live(falco("u-1"), labels={}, managers=()),
        live({"kind": "Backup", "name": "b", "uid": "u-9"}, falco("u-1")),
        live(),
        live({"kind": "Backup", "name": "b", "uid": "u-9"}),
    ],
    ids=["owned", "owned without proof", "owned by two", "free", "free but for a mere owner"],
)
def test_an_object_of_the_owner_and_a_child_without_a_controller_are_ours(document):
    assert ownership(OWNER, document, "falco-controller") is Ownership.OURS


@pytest.mark.parametrize(
    "document",
    [
        live(APPS | {"kind": "ReplicaSet", "name": "falco", "uid": "u-9"}),
        live(falco("u-0", name="other")),
        live(falco("u-0", kind="Component")),
        live(falco("u-0", apiVersion="example.org/v1")),
        live(falco("u-0"), managers=()),
        live(falco("u-0"), labels={}),
        live(managers=()),
        live(managers=[OURS | {"manager": "component-controller"}]),
        live(managers=[OURS | {"operation": "Update"}]),
        live(managers=[OURS | {"subresource": "status"}]),
        live(labels=None),
        live(labels=child_labels("other", None, ())),
        live(labels=LABELS | {"app.kubernetes.io/managed-by": "Helm"}),
    ],
    ids=[
        *("controlled by another", "of another Falco", "of a resource of another kind"),
        *("of another group", "left by an earlier Falco, not applied", "left, without labels"),
        *("applied by nobody", "of a Component", "updated by us"),
        *("of our status", "without labels", "of another name", "of another tool"),
    ],
)
def test_an_object_that_lacks_any_sign_of_a_child_is_foreign(document):
    assert ownership(OWNER, document, "falco-controller") is Ownership.FOREIGN


@pytest.mark.parametrize("version", ["v1alpha1", "v1"])
def test_a_child_of_an_earlier_incarnation_is_left_over(version):
    document = live(falco("u-0", apiVersion=f"{GROUP}/{version}"))
    assert ownership(OWNER, document, "falco-controller") is Ownership.LEFTOVER
