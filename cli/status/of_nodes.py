"""What is wrong with nodes that have a Falco, and why others have none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from cli.observed.taints import not_tolerated
from cli.status import codes
from cli.status.finding import Finding, finding, grouped
from resources.kubernetes.meta import LabelSelector, LabelSelectorRequirement
from resources.kubernetes.reference import ObjectRef
from resources.kubernetes.selector import selects

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cli.observed.facts import Node, Pod

# Seconds in which a node that joins becomes ready, and what tainted it meanwhile is done; and a
# node that is in a later list alone.
_JOINS = 120.0
_NEW = 60.0
# Operators of an affinity that compare numbers, which no label selector has.
_OF_NUMBERS = frozenset({"Gt", "Lt"})
# The garbage collector of pods looks every 20 seconds, and waits for 40 more.
_GONE = "it is not there any more; Kubernetes deletes its pods within some two minutes"


def of_nodes(
    nodes: Mapping[str, Node], pods: Iterable[Pod], chain: tuple[ObjectRef, ...], now: float
) -> list[Finding]:
    """The findings about nodes that have a pod and are not ready, or are not there any more."""
    found = []
    for pod in pods:
        node, ref = nodes.get(pod.node), ObjectRef("Node", "", pod.node)
        if node is not None and not _is_well(node, now):
            found.append(finding(codes.NODE_NOT_READY, (*chain, ref), node.trouble))
        # A node that has just come may be missing in a list that was made before that of the pods.
        elif node is None and pod.node and now - pod.meta.created >= _NEW:
            found.append(finding(codes.NODE_GONE, (*chain, ref), _GONE))
    return grouped(found)


def uncovered(
    daemon_set: Mapping[str, Any],
    nodes: Mapping[str, Node],
    pods: Iterable[Pod],
    chain: tuple[ObjectRef, ...],
    now: float,
) -> list[Finding]:
    """Why nodes have no pod of a DaemonSet, as its controller decides it."""
    spec = daemon_set["spec"]["template"]["spec"]
    covered, found = {pod.node for pod in pods}, []
    for node in nodes.values():
        if node.name in covered:
            continue
        ref = ObjectRef("Node", "", node.name)
        if reason := _not_chosen(spec, node):
            found.append(finding(codes.NODE_NOT_CHOSEN, (*chain, ref), reason))
        elif _joins(node, now):
            continue
        elif taints := not_tolerated(spec, node.taints):
            cause = f"no toleration for the taint {', '.join(map(str, taints))}"
            found.append(finding(codes.NODE_TAINTED, (*chain, ref), cause))
    return grouped(found)


def _is_well(node: Node, now: float) -> bool:
    return not node.trouble or _joins(node, now)


def _joins(node: Node, now: float) -> bool:
    """Whether a node has come so lately that it need not be ready yet."""
    return now - node.created < _JOINS


def _not_chosen(spec: Mapping[str, Any], node: Node) -> str:
    """What of the pod template the labels of a node do not fit; empty if all."""
    for key, value in (spec.get("nodeSelector") or {}).items():
        if node.labels.get(key) != value:
            return f"nodeSelector asks for {key}={value}"
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    terms = required.get("nodeSelectorTerms") or ()
    if terms and not any(_fits(term, node) for term in terms):
        return "no term of the required node affinity fits"
    return ""


def _fits(term: Mapping[str, Any], node: Node) -> bool:
    fields = {"metadata.name": node.name}
    return _meets(term.get("matchExpressions") or (), node.labels) and _meets(
        term.get("matchFields") or (), fields
    )


def _meets(expressions: Sequence[Mapping[str, Any]], labels: Mapping[str, str]) -> bool:
    """Whether labels meet all requirements, numbers aside."""
    known = [one for one in expressions if one.get("operator") not in _OF_NUMBERS]
    requirements = msgspec.convert(known, tuple[LabelSelectorRequirement, ...])
    return selects(LabelSelector(match_expressions=requirements), labels)
