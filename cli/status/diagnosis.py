"""All that is wrong in what was observed, each cause once, and the rows of artifacts."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from cli.observed.cells import Row, rows
from cli.output.severity import Severity
from cli.status import codes
from cli.status.finding import Finding, finding, grouped, ordered
from cli.status.of_artifacts import Explained, of_artifact
from cli.status.of_operator import of_operator
from cli.status.of_references import of_references
from cli.status.of_resources import is_underway, of_availability, of_deletion, of_instance
from cli.status.of_workloads import of_workload
from resources.kubernetes.reference import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from cli.observed.facts import Artifact, Instance, Observation, Pod, Report

# Seconds in which a sidecar that runs writes its first NodeReport.
_REPORTS = 60.0


class Diagnosis(NamedTuple):
    """What an observation comes to; `suppressed` are findings that are not to be told."""

    instances: tuple[Instance, ...]
    rows: tuple[Row, ...]
    findings: tuple[Finding, ...]
    suppressed: tuple[Finding, ...] = ()

    @property
    def is_well(self) -> bool:
        """Whether there is nothing to mend."""
        return all(one.code.severity is Severity.INFO for one in self.findings)

    def without(self, names: Container[str]) -> Diagnosis:
        """The same, without the findings of these codes."""
        kept = tuple(one for one in self.findings if one.code.name not in names)
        left_out = tuple(one for one in self.findings if one.code.name in names)
        return self._replace(findings=kept, suppressed=left_out)

    @property
    def underway(self) -> list[ObjectRef]:
        """What is not as it should be yet, while nothing is wrong with it."""
        known = (*self.findings, *self.suppressed)
        concerned = {ref for one in known for ref in (*one.chain, *one.others)}
        resources: list[Instance | Artifact] = [
            *self.instances,
            *(row.artifact for row in self.rows),
        ]
        refs = (one.meta.ref for one in resources if is_underway(one))
        return [ref for ref in refs if ref not in concerned]


def diagnosed(observed: Observation) -> Diagnosis:
    """The findings and rows of everything that was observed."""
    pods = _by_owner(observed.pods)
    reports = observed.reports
    found = [*of_operator(observed), *of_references(observed)]
    for instance in observed.instances:
        own = pods.get(instance.meta.ref, [])
        found += _of_instance(instance, own, observed, reports)
    falcos, every = _falcos(observed.pods), list[Row]()
    for namespace, members in _by_namespace(observed.artifacts).items():
        running = falcos.get(namespace, [])
        if observed.has_reports:
            found += _without_report(running, observed, reports)
        told = rows(members, running, reports, observed.nodes or {}) if observed.has_reports else []
        told = told or [Row(artifact, {}, (), observed.has_reports) for artifact in members]
        explained = _explained(found, running, namespace)
        explained = explained._replace(has_nodes=observed.nodes is not None)
        for row in told:
            found += of_deletion(row.artifact.meta, observed.now)
            found += of_artifact(row, explained, observed.now)
        every += told
    return Diagnosis(observed.instances, tuple(every), tuple(ordered(found)))


def of_falco(diagnosis: Diagnosis, name: str) -> Diagnosis:
    """What concerns one Falco or Component by this name: also all artifacts of its namespace."""
    chosen = tuple(one for one in diagnosis.instances if one.meta.ref.name == name)
    others = {one.meta.ref for one in diagnosis.instances} - {one.meta.ref for one in chosen}
    spaces = {one.meta.ref.namespace for one in chosen}
    kept = tuple(row for row in diagnosis.rows if row.artifact.meta.ref.namespace in spaces)
    found = tuple(
        one
        for one in diagnosis.findings
        if (not others & set(one.chain) and one.chain[0].namespace in {*spaces, ""})
        or _is_of_cluster(one)
    )
    return Diagnosis(chosen, kept, found)


def _is_of_cluster(one: Finding) -> bool:
    """Whether a finding about the operator concerns every namespace."""
    return one.code.name < codes.SPEC_REFUSED.name


def _of_instance(
    instance: Instance, pods: list[Pod], observed: Observation, reports: Mapping[str, Report]
) -> list[Finding]:
    found = [*of_instance(instance), *of_deletion(instance.meta, observed.now)]
    found += of_workload(instance, observed, pods, reports)
    return [*found, *of_availability(instance, found, observed.now)]


def _without_report(
    pods: Iterable[Pod], observed: Observation, reports: Mapping[str, Report]
) -> list[Finding]:
    """Pods whose sidecar runs, and has not written a NodeReport."""
    found = []
    for pod in pods:
        age = observed.now - pod.meta.created
        runs = any(one.name == "artifact-operator" and one.is_running for one in pod.containers)
        if runs and pod.has_sidecar and age > _REPORTS and pod.meta.uid not in reports:
            cause = "its sidecar runs, and there is no NodeReport of this pod"
            found.append(finding(codes.REPORT_MISSING, pod.way, cause))
    return grouped(found)


def _explained(found: Iterable[Finding], pods: Iterable[Pod], namespace: str) -> Explained:
    """What is known of the pods of a namespace."""
    refs, has_trouble = set[ObjectRef](), False
    for one in found:
        if one.code.severity is not Severity.INFO or one.code is codes.NODE_GONE:
            refs |= {ref for ref in (*one.chain, *one.others) if ref.kind in {"Pod", "Node"}}
            first = one.chain[0]
            has_trouble |= (first.kind, first.namespace) == ("Falco", namespace)
    uids = (
        pod.meta.uid
        for pod in pods
        if pod.meta.ref in refs or ObjectRef("Node", "", pod.node) in refs
    )
    return Explained(frozenset(uids), has_trouble)


def _falcos(pods: Iterable[Pod]) -> dict[str, list[Pod]]:
    """The pods, by namespace, from which something of artifacts is to be heard."""
    found: dict[str, list[Pod]] = defaultdict(list)
    for pod in pods:
        is_there = pod.node and not pod.meta.deleted and pod.phase != "Failed"
        if pod.owner.kind == "Falco" and is_there:
            found[pod.meta.ref.namespace].append(pod)
    return found


def _by_owner(pods: Iterable[Pod]) -> dict[ObjectRef, list[Pod]]:
    found: dict[ObjectRef, list[Pod]] = defaultdict(list)
    for pod in pods:
        found[pod.owner].append(pod)
    return found


def _by_namespace(artifacts: Iterable[Artifact]) -> dict[str, list[Artifact]]:
    found: dict[str, list[Artifact]] = defaultdict(list)
    for artifact in artifacts:
        found[artifact.meta.ref.namespace].append(artifact)
    return found
