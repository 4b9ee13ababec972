"""Names of objects."""

from __future__ import annotations

from typing import NamedTuple


class ObjectRef(NamedTuple):
    """Identifies one object by kind, namespace and name; the namespace is empty for cluster scope.

    Says nothing about which incarnation is meant: a recreated object has the same reference and
    another uid.
    """

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        scope = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind}/{scope}{self.name}"


class Owner(NamedTuple):
    """One incarnation of a custom resource."""

    ref: ObjectRef
    uid: str
