from resources.instance.children import Parent
from resources.kubernetes.reference import ObjectRef, Owner

ARGO = {
    "argocd.argoproj.io/compare-options": "IgnoreExtraneous",
    "argocd.argoproj.io/sync-options": "Prune=false",
}
PARENT = Parent(Owner(ObjectRef("Falco", "ns", "falco"), "u-1"), {"a": "b"})


def test_a_namespaced_child_has_the_name_and_a_controller_reference():
    child = PARENT.child("ServiceAccount")
    assert child.ref == ObjectRef("ServiceAccount", "ns", "falco")
    assert child.body == {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {
            "name": "falco",
            "namespace": "ns",
            "labels": {"a": "b"},
            "annotations": ARGO,
            "ownerReferences": [
                {
                    "apiVersion": "instance.falcosecurity.dev/v1alpha1",
                    "kind": "Falco",
                    "name": "falco",
                    "uid": "u-1",
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
    }


def test_a_cluster_scoped_child_says_in_annotations_whose_it_is():
    child = PARENT.child("ClusterRole", rules=[])
    assert child.ref == ObjectRef("ClusterRole", "", "falco--ns")
    assert child.body == {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {
            "name": "falco--ns",
            "labels": {"a": "b"},
            "annotations": {
                **ARGO,
                "instance.falcosecurity.dev/owner": "Falco/ns/falco",
                "instance.falcosecurity.dev/owner-uid": "u-1",
            },
        },
        "rules": [],
    }


def test_children_do_not_share_their_labels():
    PARENT.child("Role").body["metadata"]["labels"]["x"] = "y"
    assert PARENT.child("Role").body["metadata"]["labels"] == {"a": "b"}
