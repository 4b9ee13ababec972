"""The rights of the operator itself: those that its requests need, and those that it grants.

It has neither `escalate` nor `bind`, so it can grant only rights that it holds.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import product
from typing import TYPE_CHECKING

from resources.component.catalog import granted_rules
from resources.falco.rights import FALCO_CLUSTER_RULES, falco_rules
from resources.instance.children import PRUNED
from resources.instance.rbac import PolicyRule, rule
from resources.kubernetes.kinds import ARTIFACTS, CHILD_KINDS, INSTANCES, KINDS, WATCHED

if TYPE_CHECKING:
    from collections.abc import Iterable

# All verbs that a rule may have, in the order in which they are written.
_VERBS = ("get", "list", "watch", "create", "update", "patch", "delete")

# The verbs that the operator uses on a kind or on `kind/subresource`, except those of a watch.
_USED_VERBS: dict[str, tuple[str, ...]] = {
    # Read by name after a write whose answer was lost.
    **dict.fromkeys(INSTANCES, ("get", "patch")),
    **dict.fromkeys((f"{kind}/status" for kind in INSTANCES), ("patch",)),
    # Never requested. The admission plugin OwnerReferencesPermissionEnforcement demands it for
    # owner references with `blockOwnerDeletion`, which the children have.
    **dict.fromkeys((f"{kind}/finalizers" for kind in INSTANCES), ("update",)),
    **dict.fromkeys(CHILD_KINDS, ("get", "create", "patch")),
    **dict.fromkeys(PRUNED, ("get", "create", "patch", "delete")),
    # Listed for the reason why a DaemonSet lacks pods, or a pod does not start.
    "Event": ("list", "create", "patch"),
    # The worst pod of a workload that is not available, and a pod that holds the verdict about
    # artifacts back without having reported from which node.
    "Pod": ("get",),
    # Whether the node of such a pod is ready.
    "Node": ("get",),
    # Read after a lost answer, and patched to remove finalizers of the Go operator's sidecars.
    **dict.fromkeys(ARTIFACTS, ("get", "patch")),
    **dict.fromkeys((f"{kind}/status" for kind in ARTIFACTS), ("patch",)),
    # Read by name, and protected by a finalizer while an artifact names them. A ConfigMap needs no
    # line: it is also a kind of child.
    "Secret": ("get", "list", "watch", "patch"),
}


def operator_rules() -> list[PolicyRule]:
    """All rights of the operator in the cluster, merged into few rules in a fixed order."""
    return merged([*used_rules(), *held_rules()])


def used_rules() -> list[PolicyRule]:
    """The rights that the operator's own requests need."""
    watched = (_about(kind, ("list", "watch")) for kind in WATCHED)
    return merged([*watched, *(_about(target, verbs) for target, verbs in _USED_VERBS.items())])


def held_rules() -> list[PolicyRule]:
    """The rights that the operator grants to the pods of a Falco or Component."""
    return merged([*FALCO_CLUSTER_RULES, *falco_rules(), *granted_rules()])


def lease_rules(lease: str) -> list[PolicyRule]:
    """The rights of leader election in the operator's namespace; `create` allows no name."""
    group, resource = KINDS["Lease"].group, KINDS["Lease"].plural
    return [rule(group, [resource], ["create"]), rule(group, [resource], ["get", "patch"], [lease])]


def merged(rules: Iterable[PolicyRule]) -> list[PolicyRule]:
    """The same rights in few sorted rules: resources with equal verbs share a rule.

    A right that a rule restricts to names is held for all names, since users choose the names.
    """
    held: dict[tuple[str, str], set[str]] = defaultdict(set)
    for source in rules:
        for target in product(source["apiGroups"], source["resources"]):
            held[target] |= set(source["verbs"])
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    for (group, resource), verbs in sorted(held.items()):
        alike[group, tuple(sorted(verbs, key=_VERBS.index))].append(resource)
    few = [rule(group, resources, verbs) for (group, verbs), resources in alike.items()]
    return sorted(few, key=lambda merged_rule: (merged_rule["apiGroups"], merged_rule["resources"]))


def _about(target: str, verbs: Iterable[str]) -> PolicyRule:
    kind, slash, subresource = target.partition("/")
    return rule(KINDS[kind].group, [f"{KINDS[kind].plural}{slash}{subresource}"], verbs)
