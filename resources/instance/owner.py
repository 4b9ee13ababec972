"""Whose an object is: read from owner references, or from annotations where those cannot be."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from resources.kubernetes.kinds import INSTANCE_GROUP
from resources.kubernetes.reference import ObjectRef, Owner

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resources.kubernetes.meta import ObjectMeta

# A cluster-scoped object cannot have a namespaced owner (Kubernetes docs, "Owners and
# dependents"), so it says in annotations whose it is.
OWNER = "instance.falcosecurity.dev/owner"
OWNER_UID = "instance.falcosecurity.dev/owner-uid"


class Ownership(Enum):
    """How an object relates to an owner that wants its name."""

    OURS = "ours"
    LEFTOVER = "left over from an earlier incarnation of the owner; the garbage collector takes it"
    FOREIGN = "foreign"


def owner_annotations(owner: Owner) -> dict[str, str]:
    """Annotations that mark a cluster-scoped object as the owner's."""
    return {OWNER: "/".join(owner.ref), OWNER_UID: owner.uid}


def owner_of(meta: ObjectMeta) -> ObjectRef | None:
    """Return the resource of ours that an object says it belongs to, None if there is none."""
    for reference in meta.owner_references or ():
        if reference.controller and reference.api_version.startswith(f"{INSTANCE_GROUP}/"):
            return ObjectRef(reference.kind, meta.namespace or "", reference.name)
    if meta.namespace:
        return None
    return _named(meta.annotations or {})


def ownership(owner: Owner, live: Mapping[str, Any], manager: str) -> Ownership:
    """Tell whether a live object is the owner's.

    In a namespace the controller's uid decides. A cluster-scoped object is the owner's by our
    annotation, whatever the uid in it; without one, by the field manager of the Go operator and,
    for a binding, its subject.
    """
    meta = live["metadata"]
    if meta.get("namespace"):
        return _in_namespace(owner, meta.get("ownerReferences") or [])
    named = _named(meta.get("annotations") or {})
    if named is not None:
        return Ownership.OURS if named == owner.ref else Ownership.FOREIGN
    return Ownership.OURS if _of_go_operator(owner, live, manager) else Ownership.FOREIGN


def _in_namespace(owner: Owner, references: list[Mapping[str, Any]]) -> Ownership:
    for reference in references:
        if reference["uid"] == owner.uid:
            return Ownership.OURS
        if (reference["kind"], reference["name"]) == (owner.ref.kind, owner.ref.name):
            return Ownership.LEFTOVER
    return Ownership.FOREIGN


def _named(annotations: Mapping[str, str]) -> ObjectRef | None:
    parts = annotations.get(OWNER, "").split("/")
    return ObjectRef(*parts) if len(parts) == 3 else None


def _of_go_operator(owner: Owner, live: Mapping[str, Any], manager: str) -> bool:
    # `a--b` in `c` and `a` in `b--c` have one name, and only our annotation tells them apart.
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
