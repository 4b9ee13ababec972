"""What is wrong with the operator itself, and with the CRDs that it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.output.words import named
from cli.status import codes
from cli.status.finding import Finding, finding
from cli.status.of_pods import of_pods
from cli.status.of_resources import behind_text, is_behind
from cli.status.of_workloads import by_uid, lacks_pods
from resources.kubernetes.kinds import KINDS
from resources.kubernetes.reference import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.observed.facts import Artifact, Instance, Observation

# Seconds by which a Lease may be older than it should: clocks differ.
_SKEW = 15.0


def of_operator(observed: Observation) -> Iterator[Finding]:
    """The findings about the operator; what it has not done tells of one that cannot be seen."""
    for kind in observed.missing:
        crd = ObjectRef("CustomResourceDefinition", "", f"{KINDS[kind].plural}.{KINDS[kind].group}")
        yield finding(codes.CRD_MISSING, (crd,), f"the API server does not know the kind {kind}")
    down = list(_down(observed))
    yield from down
    leases = list(_leases(observed))
    yield from leases
    resources: list[Instance | Artifact] = [*observed.instances, *observed.artifacts]
    late = [one for one in resources if not one.meta.deleted and is_behind(one, observed.now)]
    if late:
        known = _known(observed, [*down, *leases])
        cause = f"{behind_text(late)}; {known}"
        first, *others = (one.meta.ref for one in late)
        yield finding(codes.OPERATOR_BEHIND, (first,), cause, others)


def _down(observed: Observation) -> Iterator[Finding]:
    happenings = by_uid(observed)
    for operator in observed.operators or ():
        status, ref = operator.raw.get("status", {}), operator.meta.ref
        wanted = operator.raw.get("spec", {}).get("replicas", 1)
        if not wanted:
            yield finding(codes.OPERATOR_DOWN, (ref,), "spec.replicas is 0")
            continue
        pods = [pod for pod in observed.operator_pods if pod.meta.ref.namespace == ref.namespace]
        yield from of_pods(pods, (ref,), happenings, observed.now)
        if not status.get("availableReplicas") and observed.now - operator.meta.created > _SKEW:
            cause = f"0 of {wanted} pods are available"
            if lacks_pods(operator):
                cause += f", {status.get('replicas', 0)} are there"
            yield finding(codes.OPERATOR_DOWN, (ref,), cause)


def _leases(observed: Observation) -> Iterator[Finding]:
    for lease in observed.leases:
        if not lease.holder:
            yield finding(codes.NO_LEADER, (lease.ref,), "nobody holds the Lease")
        elif observed.now - lease.renewed > lease.seconds + _SKEW:
            age = int(observed.now - lease.renewed)
            cause = f"{lease.holder} has not renewed the Lease for {age} seconds"
            yield finding(codes.NO_LEADER, (lease.ref,), cause)


def _known(observed: Observation, found: list[Finding]) -> str:
    if found:
        return f"{found[0].subject}: {found[0].cause}"
    if observed.operators is None:
        return "whether the operator runs could not be read"
    if not observed.operators:
        return "there is no Deployment of the operator in this cluster"
    names = named(str(operator.meta.ref) for operator in observed.operators)
    return f"{names} is available, so see its log"
