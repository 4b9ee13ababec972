"""Labels of children: the operator's own, and those copied from the custom resource.

Argo CD, Flux and Helm tell by labels what they have applied, and may delete what has such a label
and is not in their source. The custom resource is theirs, its children are not: the children get
no label by which these tools track. Argo CD leaves alone what has an owner reference; a
cluster-scoped child has none, so it has no `instance` label either, Argo CD's default.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NAME = "app.kubernetes.io/name"
INSTANCE = "app.kubernetes.io/instance"
MANAGED_BY = "app.kubernetes.io/managed-by"
OPERATOR = "falco-operator"

# Keys that a tool sets on what it has applied.
_TRACKING = (
    INSTANCE,
    MANAGED_BY,
    "argocd.argoproj.io/*",
    "helm.sh/*",
    "helm.toolkit.fluxcd.io/*",
    "kustomize.toolkit.fluxcd.io/*",
)

# On pods only. No user sets a label of this domain, so the watch of pods can filter by it.
OWNER_KIND = "instance.falcosecurity.dev/owner-kind"


def selector_labels(name: str) -> dict[str, str]:
    """The labels that select the pods of a resource; the selector of a workload is immutable."""
    return {NAME: name, INSTANCE: name}


def child_labels(
    name: str, copied: Mapping[str, str] | None, excluded: Iterable[str]
) -> dict[str, str]:
    """The labels of every child; the operator's own win over copied ones of the same key."""
    return {**copied_labels(copied, excluded), **selector_labels(name), MANAGED_BY: OPERATOR}


def without_instance(labels: Mapping[str, str]) -> dict[str, str]:
    """The labels of a cluster-scoped child; nothing selects such a child by its instance."""
    return {key: value for key, value in labels.items() if key != INSTANCE}


def are_of_child(labels: Mapping[str, str], name: str) -> bool:
    """Whether an object with these labels may be a child of a resource of this name."""
    return labels.get(NAME) == name and labels.get(MANAGED_BY) == OPERATOR


def copied_labels(labels: Mapping[str, str] | None, excluded: Iterable[str]) -> dict[str, str]:
    """The labels by which no tool tracks, and whose keys match none of the globs.

    In a glob, `*` matches any characters.
    """
    if not labels:
        return {}
    patterns = [_glob(glob) for glob in (*_TRACKING, *excluded)]
    return {
        key: value
        for key, value in sorted(labels.items())
        if not any(pattern.fullmatch(key) for pattern in patterns)
    }


@lru_cache(maxsize=64)
def _glob(glob: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, glob.split("*"))))
