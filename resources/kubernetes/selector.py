"""Label selectors, as the API server evaluates them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resources.kubernetes.meta import LabelSelector, LabelSelectorRequirement


def selects(selector: LabelSelector | None, labels: Mapping[str, str]) -> bool:
    """Whether the labels meet all requirements; no selector, or an empty one, selects everything.

    As in the API server, a missing label satisfies NotIn and DoesNotExist (Kubernetes docs, "Labels
    and selectors"). A requirement with an unknown operator is never met.
    """
    if selector is None:
        return True
    equal = (selector.match_labels or {}).items()
    return all(labels.get(key) == value for key, value in equal) and all(
        _holds(requirement, labels) for requirement in selector.match_expressions or ()
    )


def _holds(requirement: LabelSelectorRequirement, labels: Mapping[str, str]) -> bool:
    value, values = labels.get(requirement.key), requirement.values or ()
    match requirement.operator:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    return False
