"""The owner of an object: in its owner references or, if cluster-scoped, its annotations."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from resources.instance.labels import are_of_child
from resources.kubernetes.kinds import INSTANCE_GROUP
from resources.kubernetes.managed_fields import is_applied_by
from resources.kubernetes.reference import ObjectRef, Owner

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resources.kubernetes.meta import ObjectMeta

# A cluster-scoped object cannot have a namespaced owner (Kubernetes docs, "Owners and
# dependents"), so annotations name its owner.
OWNER = "instance.falcosecurity.dev/owner"
OWNER_UID = "instance.falcosecurity.dev/owner-uid"


class Ownership(Enum):
    """How an object relates to a resource whose child would have its name."""

    OURS = "ours"
    LEFTOVER = "a child of an earlier incarnation of the owner, for the garbage collector to delete"
    FOREIGN = "foreign"


def owner_annotations(owner: Owner) -> dict[str, str]:
    """The annotations that name the owner of a cluster-scoped object."""
    return {OWNER: "/".join(owner.ref), OWNER_UID: owner.uid}


def owner_of(meta: ObjectMeta) -> ObjectRef | None:
    """The Falco or Component that an object names as its owner; None if it names none."""
    for reference in meta.owner_references or ():
        if reference.controller and reference.api_version.startswith(f"{INSTANCE_GROUP}/"):
            return ObjectRef(reference.kind, meta.namespace or "", reference.name)
    if meta.namespace:
        return None
    return _named(meta.annotations or {})


def ownership(owner: Owner, live: Mapping[str, Any], manager: str) -> Ownership:
    """How a live object relates to the owner.

    For an object in a namespace, the uid in its owner references decides. Otherwise it has to be
    applied by our field manager (`manager`) and have the labels of a child. Without a controller it
    is then the owner's: an owner reference may be removed, by hand or by a deletion that orphans.
    With a controller of the owner's kind and name, it is left over. For a cluster-scoped
    object, the owner annotation decides, whatever the uid in it. Without that annotation, the
    object is the owner's if the Go operator's field manager has written it and, for a binding, its
    subject is the owner's ServiceAccount.
    """
    meta = live["metadata"]
    if meta.get("namespace"):
        return _in_namespace(owner, live, manager)
    named = _named(meta.get("annotations") or {})
    if named is not None:
        return Ownership.OURS if named == owner.ref else Ownership.FOREIGN
    return Ownership.OURS if _of_go_operator(owner, live, manager) else Ownership.FOREIGN


def _in_namespace(owner: Owner, live: Mapping[str, Any], manager: str) -> Ownership:
    meta = live["metadata"]
    references: list[Mapping[str, Any]] = meta.get("ownerReferences") or []
    if any(reference["uid"] == owner.uid for reference in references):
        return Ownership.OURS
    is_child = are_of_child(meta.get("labels") or {}, owner.ref.name)
    if not is_child or not is_applied_by(live, manager):
        return Ownership.FOREIGN
    controller = next((known for known in references if known.get("controller")), None)
    if controller is None:
        return Ownership.OURS
    group, _, _ = controller["apiVersion"].partition("/")
    named = (group, controller["kind"], controller["name"])
    is_earlier = named == (INSTANCE_GROUP, owner.ref.kind, owner.ref.name)
    return Ownership.LEFTOVER if is_earlier else Ownership.FOREIGN


def _named(annotations: Mapping[str, str]) -> ObjectRef | None:
    parts = annotations.get(OWNER, "").split("/")
    return ObjectRef(*parts) if len(parts) == 3 else None


def _of_go_operator(owner: Owner, live: Mapping[str, Any], manager: str) -> bool:
    # `a--b` in `c` and `a` in `b--c` give one name; only the owner annotation tells them apart.
    if "--" in owner.ref.name or "--" in owner.ref.namespace:
        return False
    managers = live["metadata"].get("managedFields") or []
    if not any(entry.get("manager") == manager for entry in managers):
        return False
    subjects = live.get("subjects")
    wanted = (owner.ref.namespace, owner.ref.name)
    return subjects is None or any(
        (subject.get("namespace"), subject.get("name")) == wanted for subject in subjects
    )
