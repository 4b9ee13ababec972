"""The rights of a workload's ServiceAccount: rules, and the roles and bindings that grant them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resources.kubernetes.kinds import RBAC_GROUP

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resources.instance.children import Child, Parent

PolicyRule = dict[str, Any]

READ = ("get", "list", "watch")


def rule(
    group: str, resources: Iterable[str], verbs: Iterable[str], names: Iterable[str] = ()
) -> PolicyRule:
    """A rule for these objects of the resources; without names, for all of them."""
    named = sorted(names)
    return {
        "apiGroups": [group],
        "resources": list(resources),
        "verbs": list(verbs),
        **({"resourceNames": named} if named else {}),
    }


def namespaced_rights(parent: Parent, rules: list[PolicyRule]) -> tuple[Child, ...]:
    """A Role with these rules, and its RoleBinding to the ServiceAccount."""
    return _rights(parent, "Role", rules)


def cluster_rights(parent: Parent, rules: list[PolicyRule]) -> tuple[Child, ...]:
    """A ClusterRole with these rules, and its ClusterRoleBinding to the ServiceAccount."""
    return _rights(parent, "ClusterRole", rules)


def _rights(parent: Parent, role: str, rules: list[PolicyRule]) -> tuple[Child, ...]:
    account = parent.ref("ServiceAccount")
    subject = {"kind": account.kind, "name": account.name, "namespace": account.namespace}
    role_ref = {"apiGroup": RBAC_GROUP, "kind": role, "name": parent.ref(role).name}
    return (
        parent.child(role, rules=rules),
        parent.child(f"{role}Binding", role, roleRef=role_ref, subjects=[subject]),
    )
