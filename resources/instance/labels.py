"""Labels of children: the operator's own, and those copied from the custom resource."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NAME = "app.kubernetes.io/name"
INSTANCE = "app.kubernetes.io/instance"
MANAGED_BY = "app.kubernetes.io/managed-by"
OPERATOR = "falco-operator"

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


def are_of_child(labels: Mapping[str, str], name: str) -> bool:
    """Whether an object with these labels may be a child of a resource of this name."""
    return labels.get(NAME) == name and labels.get(MANAGED_BY) == OPERATOR


def copied_labels(labels: Mapping[str, str] | None, excluded: Iterable[str]) -> dict[str, str]:
    """The labels whose keys match none of the globs; `*` matches any characters."""
    patterns = [_glob(glob) for glob in excluded]
    return {
        key: value
        for key, value in sorted((labels or {}).items())
        if not any(pattern.fullmatch(key) for pattern in patterns)
    }


def _glob(glob: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, glob.split("*"))))
