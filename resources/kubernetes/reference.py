"""References to objects: by name, or to one incarnation by uid."""

from __future__ import annotations

from typing import NamedTuple


class ObjectRef(NamedTuple):
    """Identifies an object by kind, namespace and name; the namespace is empty for cluster scope.

    An object that was deleted and created again has the same reference and another uid.
    """

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        scope = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind}/{scope}{self.name}"


class Owner(NamedTuple):
    """One incarnation of a custom resource: it owns its children by its uid."""

    ref: ObjectRef
    uid: str
