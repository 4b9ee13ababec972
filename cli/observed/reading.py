"""Reads what there may be thousands of, each kind in one list, and keeps only what matters."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from cli.cluster.snapshot import Snapshot, Unread, collected
from cli.observed.facts import Observation
from cli.observed.objects import artifact_of, instance_of, node_from, workload_of
from cli.observed.pods import pod_from
from cli.observed.reports import Reports
from resources.instance.labels import OWNER_KIND
from resources.kubernetes.kinds import ARTIFACTS, INSTANCES

if TYPE_CHECKING:
    from cli.cluster.connection import Connection
    from cli.observed.facts import Node, Pod, Report

WORKLOADS = ("DaemonSet", "Deployment")


class Crowd(NamedTuple):
    """The kinds of which there may be thousands; None for what could not be read."""

    pods: tuple[Pod, ...] | None
    nodes: dict[str, Node] | None
    reports: dict[str, Report] | None


async def read_crowd(connection: Connection) -> tuple[Crowd, list[Unread]]:
    """Read pods, nodes and NodeReports, and keep of them what matters."""
    space, reports = connection.namespace, Reports()
    (pods, no_pods), (nodes, no_nodes), (_, no_reports) = await asyncio.gather(
        collected(connection, "Pod", space, pod_from, OWNER_KIND),
        collected(connection, "Node", "", node_from),
        collected(connection, "NodeReport", space, reports.take),
    )
    crowd = Crowd(
        None if no_pods else tuple(sorted(pods, key=lambda pod: pod.meta.ref)),
        None if no_nodes else {node.name: node for node in nodes},
        None if no_reports else reports.by_pod,
    )
    return crowd, [one for one in (no_pods, no_nodes, no_reports) if one is not None]


def observation_of(
    taken: Snapshot, crowd: Crowd, missing: tuple[str, ...], now: float
) -> Observation:
    """The facts of one namespace, or of all."""
    return Observation(
        now,
        tuple(instance_of(one) for kind in INSTANCES for one in taken.of(kind)),
        tuple(artifact_of(one) for kind in ARTIFACTS for one in taken.of(kind)),
        {
            workload.meta.ref: workload
            for kind in WORKLOADS
            for workload in map(workload_of, taken.of(kind))
        },
        crowd.pods or (),
        crowd.nodes,
        crowd.reports or {},
        missing=missing,
        has_workloads=all(map(taken.could_read, WORKLOADS)),
        has_reports=crowd.pods is not None and crowd.reports is not None,
    )
