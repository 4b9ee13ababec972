"""What the ServiceAccount of a workload's pods may do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from resources.kubernetes.kinds import ARTIFACT_GROUP, RBAC_GROUP

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resources.child import Child
    from resources.parent import Parent

Rule = dict[str, Any]

READ = ("get", "list", "watch")


def rule(
    group: str, resources: Iterable[str], verbs: Iterable[str], names: Iterable[str] = ()
) -> Rule:
    """One rule; without names it is about every object of the resources."""
    named = sorted(names)
    return {
        "apiGroups": [group],
        "resources": list(resources),
        "verbs": list(verbs),
        **({"resourceNames": named} if named else {}),
    }


FALCO_CLUSTER_RULES = [rule("", ["nodes"], READ)]


class Readable(NamedTuple):
    """Names of what artifacts of one namespace refer to."""

    secrets: frozenset[str] = frozenset()
    config_maps: frozenset[str] = frozenset()


def falco_rules(secrets: Iterable[str] = (), config_maps: Iterable[str] = ()) -> list[Rule]:
    """What the sidecar may do in its namespace; never more objects by `get` than are named.

    Without a name the rule is absent: the API server stores an empty `resourceNames` without the
    field, and would grant every Secret.
    """
    return [
        rule(ARTIFACT_GROUP, ["rulesfiles", "plugins", "configs"], READ),
        rule(ARTIFACT_GROUP, ["nodereports"], ["get", "create", "patch"]),
        rule("events.k8s.io", ["events"], ["create", "patch"]),
        *(
            rule("", [resource], ["get"], names)
            for resource, names in (("secrets", [*secrets]), ("configmaps", [*config_maps]))
            if names
        ),
    ]


def namespaced_rights(parent: Parent, rules: list[Rule]) -> tuple[Child, ...]:
    """A Role and its binding to the ServiceAccount."""
    return _rights(parent, "Role", rules)


def cluster_rights(parent: Parent, rules: list[Rule]) -> tuple[Child, ...]:
    """A ClusterRole and its binding to the ServiceAccount."""
    return _rights(parent, "ClusterRole", rules)


def _rights(parent: Parent, role: str, rules: list[Rule]) -> tuple[Child, ...]:
    account = parent.ref("ServiceAccount")
    subject = {"kind": account.kind, "name": account.name, "namespace": account.namespace}
    role_ref = {"apiGroup": RBAC_GROUP, "kind": role, "name": parent.ref(role).name}
    return (
        parent.child(role, rules=rules),
        parent.child(f"{role}Binding", role, roleRef=role_ref, subjects=[subject]),
    )
