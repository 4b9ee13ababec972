"""What all children of one custom resource have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from resources.instance.labels import child_labels
from resources.instance.owner import owner_annotations
from resources.kubernetes.kinds import KINDS
from resources.kubernetes.reference import ObjectRef, Owner

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from resources.kubernetes.meta import ObjectMeta


# ARCHITECTURE "Writing": a binding only after its role, a workload after what its pods need.
_WAVES = {
    "ServiceAccount": 1,
    "Role": 1,
    "Service": 1,
    "ConfigMap": 1,
    "RoleBinding": 2,
    "ClusterRole": 2,
    "ClusterRoleBinding": 3,
    "DaemonSet": 3,
    "Deployment": 3,
}
PRUNED = ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding", "DaemonSet", "Deployment")
"""Of these a resource may no longer want the one that it has; of all others it always or never has
one, and the garbage collector takes it with the resource."""


@dataclass(frozen=True, slots=True)
class Parent:
    """Makes the children of a custom resource: their names, labels and marks of ownership."""

    owner: Owner
    labels: Mapping[str, str]

    def ref(self, kind: str) -> ObjectRef:
        """The name of the child of a kind, which only ever has one."""
        _, namespace, name = self.owner.ref
        if KINDS[kind].namespaced:
            return ObjectRef(kind, namespace, name)
        return ObjectRef(kind, "", f"{name}--{namespace}")

    def child(self, kind: str, *after: str, **fields: Any) -> Child:
        """The child of a kind with these top-level fields, to be written after those kinds."""
        ref = self.ref(kind)
        body = {
            "apiVersion": KINDS[kind].api_version,
            "kind": kind,
            "metadata": self._metadata(ref),
            **fields,
        }
        return Child(ref, body, _WAVES[kind], tuple(self.ref(other) for other in after))

    def _metadata(self, ref: ObjectRef) -> dict[str, Any]:
        labels = dict(self.labels)
        if not ref.namespace:
            return {"name": ref.name, "labels": labels, "annotations": self._annotations()}
        return {
            "name": ref.name,
            "namespace": ref.namespace,
            "labels": labels,
            "ownerReferences": [self._owner_reference()],
        }

    def _annotations(self) -> dict[str, str]:
        return owner_annotations(self.owner)

    def _owner_reference(self) -> dict[str, Any]:
        return {
            "apiVersion": KINDS[self.owner.ref.kind].api_version,
            "kind": self.owner.ref.kind,
            "name": self.owner.ref.name,
            "uid": self.owner.uid,
            "controller": True,
            "blockOwnerDeletion": True,
        }


def parent_of(kind: str, meta: ObjectMeta, excluded_labels: Iterable[str]) -> Parent:
    """The parent whose children carry the resource's labels, but for the excluded ones."""
    ref = ObjectRef(kind, meta.namespace or "", meta.name)
    labels = child_labels(ref.name, meta.labels, excluded_labels)
    return Parent(Owner(ref, meta.uid or ""), labels)


def unwanted(owner: ObjectRef, wanted: Iterable[Child]) -> tuple[ObjectRef, ...]:
    """Every other child that a resource may have had, what depends on others first."""
    parent = Parent(Owner(owner, ""), {})
    kept = {child.ref for child in wanted}
    possible = (parent.ref(kind) for kind in sorted(PRUNED, key=lambda kind: -_WAVES[kind]))
    return tuple(ref for ref in possible if ref not in kept)


def cluster_scoped(owner: ObjectRef) -> tuple[ObjectRef, ...]:
    """Every cluster-scoped object that a resource may have had; no garbage collector takes it."""
    parent = Parent(Owner(owner, ""), {})
    return tuple(parent.ref(kind) for kind in _WAVES if not KINDS[kind].namespaced)


@dataclass(frozen=True, slots=True)
class Child:
    """One desired object, as it is to be applied, and when.

    Children of one wave may be written at once, after all lower waves. `after` names the children
    without which this one must not be written; they are always in a lower wave. Parts of the body
    are shared between children: copy before changing any.
    """

    ref: ObjectRef
    body: dict[str, Any]
    wave: int
    after: tuple[ObjectRef, ...] = ()
