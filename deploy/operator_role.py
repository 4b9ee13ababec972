"""What the operator itself may do: what its code does, and what it grants to the pods of others.

It may grant only what it holds, having neither `escalate` nor `bind`.
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

# The order in which verbs are written; there are no others, `*` least of all.
_VERBS = ("get", "list", "watch", "create", "update", "patch", "delete")

# What is done to a kind, or to `kind/subresource`, beside watching it: a line for each.
_DONE: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(INSTANCES, ("patch",)),
    **dict.fromkeys((f"{kind}/status" for kind in INSTANCES), ("patch",)),
    # Never called: asked for where the admission plugin OwnerReferencesPermissionEnforcement is on,
    # since children block the deletion of their owner.
    **dict.fromkeys((f"{kind}/finalizers" for kind in INSTANCES), ("update",)),
    **dict.fromkeys(CHILD_KINDS, ("get", "create", "patch")),
    **dict.fromkeys(PRUNED, ("get", "create", "patch", "delete")),
    "Event": ("create", "patch"),
    # For the finalizers that the Go operator's sidecars have left.
    **dict.fromkeys(ARTIFACTS, ("patch",)),
    **dict.fromkeys((f"{kind}/status" for kind in ARTIFACTS), ("patch",)),
    # Protected while an artifact names them, and read by name; ConfigMaps are children as well.
    "Secret": ("get", "list", "watch", "patch"),
}


def operator_rules() -> list[PolicyRule]:
    """Everything, in the whole cluster, in few rules; always the same for the same code."""
    return merged([*used_rules(), *held_rules()])


def used_rules() -> list[PolicyRule]:
    """What the operator's own requests need."""
    watched = (_about(kind, ("list", "watch")) for kind in WATCHED)
    return merged([*watched, *(_about(target, verbs) for target, verbs in _DONE.items())])


def held_rules() -> list[PolicyRule]:
    """What is held in order to be granted to the pods of any Falco or Component."""
    return merged([*FALCO_CLUSTER_RULES, *falco_rules(), *granted_rules()])


def lease_rules(lease: str) -> list[PolicyRule]:
    """What leader election needs in the operator's namespace; a create has no name yet."""
    group, resource = KINDS["Lease"].group, KINDS["Lease"].plural
    return [rule(group, [resource], ["create"]), rule(group, [resource], ["get", "patch"], [lease])]


def merged(rules: Iterable[PolicyRule]) -> list[PolicyRule]:
    """The same rights in few rules: sorted, none twice, resources of equal verbs together.

    What a rule gives by name is given for every name: names are the users' to choose.
    """
    held: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in rules:
        for target in product(one["apiGroups"], one["resources"]):
            held[target] |= set(one["verbs"])
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    for (group, resource), verbs in sorted(held.items()):
        alike[group, tuple(sorted(verbs, key=_VERBS.index))].append(resource)
    found = [rule(group, resources, verbs) for (group, verbs), resources in alike.items()]
    return sorted(found, key=lambda one: (one["apiGroups"], one["resources"]))


def _about(target: str, verbs: Iterable[str]) -> PolicyRule:
    kind, slash, subresource = target.partition("/")
    return rule(KINDS[kind].group, [f"{KINDS[kind].plural}{slash}{subresource}"], verbs)
