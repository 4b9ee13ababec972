"""The children of a Falco or Component: their names, labels, owner and order of writing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from resources.instance.labels import child_labels, without_instance
from resources.instance.owner import owner_annotations
from resources.kubernetes.kinds import KINDS
from resources.kubernetes.reference import ObjectRef, Owner

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from resources.kubernetes.meta import ObjectMeta


# The order of writing: a binding after its role, a workload after everything that its pods need
# (ARCHITECTURE, "Writing").
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
"""The kinds of which a resource may stop wanting its child, which is then deleted.

A resource always or never has a child of the other kinds; the garbage collector deletes it with the
resource.
"""


# Argo CD neither reports a child as missing in its source nor deletes it, however it tracks.
_LEFT_BY_ARGO = {
    "argocd.argoproj.io/compare-options": "IgnoreExtraneous",
    "argocd.argoproj.io/sync-options": "Prune=false",
}


@dataclass(frozen=True, slots=True)
class Parent:
    """The custom resource as the owner of its children; makes their metadata."""

    owner: Owner
    labels: Mapping[str, str]

    def ref(self, kind: str) -> ObjectRef:
        """The reference to the child of a kind; a resource has at most one of each kind."""
        _, namespace, name = self.owner.ref
        if KINDS[kind].namespaced:
            return ObjectRef(kind, namespace, name)
        return ObjectRef(kind, "", f"{name}--{namespace}")

    def child(self, kind: str, *after: str, **fields: Any) -> Child:
        """The child of a kind with these top-level fields, written after the children `after`."""
        ref = self.ref(kind)
        body = {
            "apiVersion": KINDS[kind].api_version,
            "kind": kind,
            "metadata": self._metadata(ref),
            **fields,
        }
        return Child(ref, body, _WAVES[kind], tuple(self.ref(other) for other in after))

    def _metadata(self, ref: ObjectRef) -> dict[str, Any]:
        if not ref.namespace:
            return {
                "name": ref.name,
                "labels": without_instance(self.labels),
                "annotations": {**_LEFT_BY_ARGO, **owner_annotations(self.owner)},
            }
        return {
            "name": ref.name,
            "namespace": ref.namespace,
            "labels": dict(self.labels),
            "annotations": _LEFT_BY_ARGO,
            "ownerReferences": [self._owner_reference()],
        }

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
    """The parent whose children get the resource's labels, except those that a glob excludes."""
    ref = ObjectRef(kind, meta.namespace or "", meta.name)
    labels = child_labels(ref.name, meta.labels, excluded_labels)
    return Parent(Owner(ref, meta.uid or ""), labels)


def unwanted(owner: ObjectRef, wanted: Iterable[Child]) -> tuple[ObjectRef, ...]:
    """Every child that a resource may have had and no longer wants, dependent children first."""
    parent = Parent(Owner(owner, ""), {})
    kept = {child.ref for child in wanted}
    possible = (parent.ref(kind) for kind in sorted(PRUNED, key=lambda kind: -_WAVES[kind]))
    return tuple(ref for ref in possible if ref not in kept)


def cluster_scoped(owner: ObjectRef) -> tuple[ObjectRef, ...]:
    """Every cluster-scoped child that a resource may have had; no garbage collector deletes it."""
    parent = Parent(Owner(owner, ""), {})
    return tuple(parent.ref(kind) for kind in _WAVES if not KINDS[kind].namespaced)


@dataclass(frozen=True, slots=True)
class Child:
    """A desired object and its place in the order of writing.

    Children of one wave may be written at the same time, after those of all lower waves. The
    children in `after` must have been written before this one; they are in lower waves. Children
    share parts of their bodies, so never change a body. `warnings` are for the user who wrote the
    spec.
    """

    ref: ObjectRef
    body: dict[str, Any]
    wave: int
    after: tuple[ObjectRef, ...] = ()
    warnings: tuple[str, ...] = ()
