"""What is wrong with a Falco or Component below its own conditions: its workload and its pods."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from cli.output.words import named
from cli.status import codes
from cli.status.finding import Finding, finding
from cli.status.of_nodes import of_nodes, uncovered
from cli.status.of_pods import newest, of_pods
from resources.instance.availability import incomplete_counts, patience
from resources.instance.pod_failure import CREATION_REASONS, waits_for_deletion

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cli.observed.facts import Happening, Instance, Observation, Pod, Report, Workload
    from cli.status.codes import Code
    from resources.kubernetes.reference import ObjectRef

# Seconds in which the controller of a workload sees a change, and makes a pod.
_SEES = 30.0
# A refusal names the pod that was to be made, each time by another name.
_REFUSED = re.compile(r"^(?:\(combined from similar events\): )?(?:Error creating: )?")
_REFUSED_POD = re.compile(r'\bpods "[^"]*" is forbidden: ')
_KINDS: tuple[tuple[re.Pattern[str], Code], ...] = (
    (re.compile("exceeded quota|failed quota"), codes.QUOTA),
    (re.compile("violates PodSecurity"), codes.POD_SECURITY),
    (
        re.compile("admission webhook|failed calling webhook|ValidatingAdmissionPolicy"),
        codes.WEBHOOK,
    ),
)


def of_workload(
    instance: Instance, observed: Observation, pods: Sequence[Pod], reports: Mapping[str, Report]
) -> Iterator[Finding]:
    """The findings about the workload of an instance, its pods and their nodes.

    `pods` are those of the instance, `reports` their NodeReports by uid of the pod.
    """
    ref, child = instance.meta.ref, instance.child
    if not observed.has_workloads or instance.meta.deleted:
        return
    workload = observed.workloads.get(child)
    if workload is None:
        reconciled = instance.conditions.get("Reconciled")
        if reconciled is not None and reconciled.is_current and reconciled.status == "True":
            cause = f"there is no {child.kind} {child.name}, though the operator has made one"
            yield finding(codes.NO_WORKLOAD, (ref, child), cause)
        return
    happenings = by_uid(observed)
    yield from _of_counts(workload, (ref, child), observed, happenings, pods)
    yield from of_pods(pods, (ref, child), happenings, observed.now)
    if not _is_rolling_out(workload):
        yield from _of_versions(pods, (ref, child), reports)
    if observed.nodes is not None:
        yield from of_nodes(observed.nodes, pods, (ref, child), observed.now)
        if child.kind == "DaemonSet":
            yield from uncovered(workload.raw, observed.nodes, pods, (ref, child), observed.now)


def by_uid(observed: Observation) -> dict[str, list[Happening]]:
    """The Events by the uid of what they are about."""
    found: dict[str, list[Happening]] = {}
    for one in observed.happenings:
        found.setdefault(one.uid, []).append(one)
    return found


def lacks_pods(workload: Workload) -> bool:
    """Whether Events may tell why a workload has fewer pods than it wants."""
    counts = incomplete_counts(workload.meta.ref.kind, workload.raw)
    return counts is not None and counts.total < counts.desired


def _of_counts(
    workload: Workload,
    chain: tuple[ObjectRef, ...],
    observed: Observation,
    happenings: Mapping[str, list[Happening]],
    pods: Sequence[Pod],
) -> Iterator[Finding]:
    kind, raw, age = workload.meta.ref.kind, workload.raw, observed.now - workload.meta.changed
    status = raw.get("status", {})
    seen, wanted = status.get("observedGeneration", 0), workload.meta.generation
    if seen < wanted:
        if age > _SEES:
            cause = f"the {kind} has generation {wanted}, its controller has seen {seen}"
            yield finding(codes.CONTROLLER_BEHIND, chain, cause)
        return
    if kind == "DaemonSet" and not status.get("desiredNumberScheduled"):
        cause = _why_none(raw, observed)
        yield finding(codes.NO_PODS_WANTED, chain, cause)
        return
    counts = incomplete_counts(kind, raw)
    if counts is None:
        return
    if counts.total < counts.desired:
        refusal = _refusal(workload, happenings)
        if refusal:
            yield _refused(chain, refusal)
        elif age > patience(raw, counts) and not _is_moving(pods, observed.now):
            cause = f"{counts.total} of {counts.desired} pods are there"
            yield finding(codes.PODS_MISSING, chain, cause)
    if waits_for_deletion(kind, raw, counts):
        cause = f"updateStrategy is OnDelete, {counts.updated} of {counts.desired} pods are updated"
        yield finding(codes.WAITS_FOR_DELETION, chain, cause)


def _is_moving(pods: Sequence[Pod], now: float) -> bool:
    """Whether pods come and go, so that some may be missing for a moment."""
    return any(pod.meta.deleted or now - pod.meta.created < _SEES for pod in pods)


def _why_none(raw: Mapping[str, Any], observed: Observation) -> str:
    if observed.nodes is not None and not observed.nodes:
        return "the cluster has no node"
    asked = raw["spec"]["template"]["spec"].get("nodeSelector") or {}
    labels = ", ".join(f"{key}={value}" for key, value in sorted(asked.items()))
    text = "no node fits the pod template"
    return f"{text}, whose nodeSelector is {labels}" if labels else text


def _refusal(workload: Workload, happenings: Mapping[str, list[Happening]]) -> str:
    """Why the API server does not take the pods: by the status of a Deployment, or an Event."""
    for known in workload.raw.get("status", {}).get("conditions", ()):
        if (known["type"], known["status"]) == ("ReplicaFailure", "True"):
            return str(known.get("message", ""))
    told = newest(happenings.get(workload.meta.uid, ()), CREATION_REASONS)
    return told.note if told is not None else ""


def _refused(chain: tuple[ObjectRef, ...], refusal: str) -> Finding:
    code = next((code for words, code in _KINDS if words.search(refusal)), codes.PODS_REFUSED)
    return finding(code, chain, _REFUSED_POD.sub("", _REFUSED.sub("", refusal)))


def _is_rolling_out(workload: Workload) -> bool:
    """Whether pods are being replaced, by themselves."""
    kind, raw = workload.meta.ref.kind, workload.raw
    counts = incomplete_counts(kind, raw)
    return counts is not None and not waits_for_deletion(kind, raw, counts)


def _of_versions(
    pods: Sequence[Pod], chain: tuple[ObjectRef, ...], reports: Mapping[str, Report]
) -> Iterator[Finding]:
    by_version: dict[str, list[str]] = {}
    for pod in pods:
        report = reports.get(pod.meta.uid)
        if report is not None and report.version and not pod.meta.deleted:
            by_version.setdefault(report.version, []).append(pod.meta.ref.name)
    if len(by_version) > 1:
        parts = [f"{version} on {named(names)}" for version, names in sorted(by_version.items())]
        yield finding(codes.MIXED_VERSIONS, chain, "; ".join(parts))
