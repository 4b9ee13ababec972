"""Snapshots out of thin air."""

import msgspec

from actors.watch.store import snapshot_of
from resources.instance.owner import owner_annotations
from resources.kubernetes.kinds import INSTANCE_GROUP
from resources.kubernetes.reference import ObjectRef, Owner


def snapshot(ref, revision, uid="uid", **metadata):
    """An object of this reference at this revision."""
    scope = {"namespace": ref.namespace} if ref.namespace else {}
    known = {"name": ref.name, **scope, "uid": uid, "resourceVersion": str(revision)}
    return snapshot_of(ref.kind, msgspec.json.encode({"metadata": {**known, **metadata}}))


def owned(ref, revision, owner, uid="uid"):
    """The same as a child of the owner, by reference or, in the cluster scope, by annotation."""
    if not ref.namespace:
        annotations = owner_annotations(Owner(owner, "owner-uid"))
        return snapshot(ref, revision, uid, annotations=annotations)
    reference = {
        "apiVersion": f"{INSTANCE_GROUP}/v1alpha1",
        "kind": owner.kind,
        "name": owner.name,
        "uid": "owner-uid",
        "controller": True,
    }
    return snapshot(ref, revision, uid, ownerReferences=[reference])


def falco(name="falco"):
    return ObjectRef("Falco", "namespace", name)


def child(kind="ConfigMap", name="falco"):
    return ObjectRef(kind, "namespace", name)


def cluster_child(kind="ClusterRole", name="falco--namespace"):
    return ObjectRef(kind, "", name)
