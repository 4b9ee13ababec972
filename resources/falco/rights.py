"""What the ServiceAccount of Falco's pods may do."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resources.instance.rbac import READ, PolicyRule, rule
from resources.kubernetes.kinds import ARTIFACT_GROUP

if TYPE_CHECKING:
    from collections.abc import Iterable


FALCO_CLUSTER_RULES = [rule("", ["nodes"], READ)]


class Readable(NamedTuple):
    """Names of what artifacts of one namespace refer to."""

    secrets: frozenset[str] = frozenset()
    config_maps: frozenset[str] = frozenset()


def falco_rules(secrets: Iterable[str] = (), config_maps: Iterable[str] = ()) -> list[PolicyRule]:
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
