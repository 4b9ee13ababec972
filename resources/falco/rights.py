"""The rights of the ServiceAccount of a Falco's pods, in its namespace and in the cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resources.instance.rbac import READ, PolicyRule, rule
from resources.kubernetes.kinds import ARTIFACT_GROUP

if TYPE_CHECKING:
    from collections.abc import Iterable


FALCO_CLUSTER_RULES = [rule("", ["nodes"], READ)]


class Readable(NamedTuple):
    """The names of the Secrets and ConfigMaps that the artifacts of one namespace refer to."""

    secrets: frozenset[str] = frozenset()
    config_maps: frozenset[str] = frozenset()


def falco_rules(secrets: Iterable[str] = (), config_maps: Iterable[str] = ()) -> list[PolicyRule]:
    """The rights of the sidecar in its namespace, with `get` for the named objects only.

    Without names there is no rule: the API server drops an empty `resourceNames`, and the rule
    would then grant every Secret.
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
