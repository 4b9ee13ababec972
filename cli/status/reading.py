"""Reads what a diagnosis needs: one list of each kind, and Events only where something is wrong."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from actors.api.errors import ApiError
from cli.cluster.operators import LEASE, NAMESPACE, SELECTOR
from cli.cluster.snapshot import (
    UNKNOWN,
    Object,
    Snapshot,
    Unread,
    snapshot,
    why_not,
)
from cli.observed.objects import (
    happening_of,
    lease_of,
    workload_of,
)
from cli.observed.pods import pod_of
from cli.observed.reading import WORKLOADS, observation_of, read_crowd
from cli.status.of_pods import is_starting
from cli.status.of_workloads import lacks_pods
from resources.instance.labels import MANAGED_BY, OPERATOR
from resources.kubernetes.kinds import (
    ARTIFACT_GROUP,
    INSTANCE_GROUP,
    KINDS,
    RESOURCES,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cli.cluster.connection import Connection
    from cli.observed.facts import Happening, Meta, Observation, Workload

_SELECTORS = dict.fromkeys(WORKLOADS, f"{MANAGED_BY}={OPERATOR}")

# Of one cause there may be thousands of pods; the Events of a few tell it.
_MOST_ASKED = 10
_MOST_EVENTS = "20"


class Reading(NamedTuple):
    """What was observed, and what could not be read.

    `is_blind`: among that is something without which nobody can say that all is well.
    """

    observation: Observation
    unread: tuple[Unread, ...]
    is_blind: bool


async def read(connection: Connection) -> Reading:
    """Read everything that the user may see of the namespace of the connection."""
    taken, (crowd, uncounted) = await asyncio.gather(
        snapshot(connection, (*RESOURCES, *WORKLOADS), connection.namespace, _SELECTORS),
        read_crowd(connection),
    )
    failed = [*taken.unread, *uncounted]
    missing = {one.kind for one in failed if _is_without_crd(one)}
    unread = [one for one in failed if one.kind not in missing]
    is_blind = any(one.kind != "Node" for one in unread)
    observed = observation_of(taken, crowd, tuple(sorted(missing)), time.time())
    operators = await _operators(connection)
    is_seen = operators.could_read("Deployment")
    leases = (one for one in operators.of("Lease") if one["metadata"]["name"] == LEASE)
    observed = replace(
        observed,
        operators=tuple(map(workload_of, operators.of("Deployment"))) if is_seen else None,
        operator_pods=tuple(map(pod_of, operators.of("Pod"))),
        leases=tuple(map(lease_of, leases)),
    )
    happenings, untold = await _happenings(connection, observed)
    unread += [*operators.unread, *untold]
    return Reading(replace(observed, happenings=happenings), tuple(unread), is_blind)


def _is_without_crd(one: Unread) -> bool:
    """Whether one of our kinds is not there at all."""
    is_ours = KINDS[one.kind].group in {INSTANCE_GROUP, ARTIFACT_GROUP}
    return is_ours and one.why == UNKNOWN


async def _operators(connection: Connection) -> Snapshot:
    """The operators in the whole cluster, or where they are by default; pods of those that fail."""
    selectors = {"Deployment": SELECTOR, "Pod": SELECTOR}
    found = await snapshot(connection, ("Deployment",), "", selectors)
    if found.unread:
        found = await snapshot(connection, ("Deployment",), NAMESPACE, selectors)
    objects: dict[str, list[Object]] = {"Deployment": found.of("Deployment"), "Pod": []}
    unread, leases = list(found.unread), list[Object]()
    for deployment in found.of("Deployment"):
        is_down = not deployment.get("status", {}).get("availableReplicas")
        kinds = ("Lease", "Pod") if is_down else ("Lease",)
        taken = await snapshot(
            connection, kinds, deployment["metadata"]["namespace"], {"Pod": SELECTOR}
        )
        leases += taken.of("Lease")
        objects["Pod"] += taken.of("Pod")
        unread += taken.unread
    return Snapshot({**objects, "Lease": leases}, unread)


async def _happenings(
    connection: Connection, observed: Observation
) -> tuple[tuple[Happening, ...], tuple[Unread, ...]]:
    """Warning Events about what lacks pods and about pods that do not start."""
    found: list[Happening] = []
    for meta in _suspects(observed):
        fields = f"regarding.kind={meta.ref.kind},regarding.uid={meta.uid},type=Warning"
        query = {"fieldSelector": fields, "limit": _MOST_EVENTS}
        try:
            raw = await connection.client.list_page("Event", meta.ref.namespace, query)
        except ApiError as error:
            return tuple(found), (Unread("Event", meta.ref.namespace, why_not(connection, error)),)
        found += map(happening_of, msgspec.json.decode(raw).get("items") or ())
    return tuple(found), ()


def _suspects(observed: Observation) -> Iterable[Meta]:
    workloads: list[Workload] = [*observed.workloads.values(), *(observed.operators or ())]
    lacking = [one.meta for one in workloads if lacks_pods(one)]
    pods = (*observed.pods, *observed.operator_pods)
    starting = [pod.meta for pod in pods if is_starting(pod, observed.now)]
    return [*lacking[:_MOST_ASKED], *starting[:_MOST_ASKED]]
