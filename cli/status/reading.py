"""Reads what a diagnosis needs: one list of each kind, and Events only where something is wrong.

Of the Secrets and ConfigMaps that artifacts name it reads the metadata, one by one.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from actors.api.client import METADATA
from actors.api.errors import ApiError
from cli.cluster.operators import LEASE, NAMESPACE, SELECTOR
from cli.cluster.snapshot import (
    UNKNOWN,
    Object,
    Snapshot,
    Unread,
    read_one,
    snapshot,
    why_not,
)
from cli.observed.objects import (
    happening_of,
    lease_of,
    meta_of,
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
    from resources.kubernetes.reference import ObjectRef

_SELECTORS = dict.fromkeys(WORKLOADS, f"{MANAGED_BY}={OPERATOR}")

# Of one cause there may be thousands of pods; the Events of a few tell it.
_MOST_ASKED = 10
_MOST_EVENTS = "20"
_AT_ONCE = 16


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
    references, hidden = await _references(connection, observed)
    unread += [*operators.unread, *untold, *hidden]
    observed = replace(observed, happenings=happenings, references=references)
    return Reading(observed, tuple(unread), is_blind)


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


async def _references(
    connection: Connection, observed: Observation
) -> tuple[tuple[Meta, ...], tuple[Unread, ...]]:
    """The metadata of what artifacts name, of each kind and namespace until it is refused."""
    groups: dict[tuple[str, str], set[ObjectRef]] = {}
    for artifact in observed.artifacts:
        for ref in artifact.names:
            groups.setdefault((ref.kind, ref.namespace), set()).add(ref)

    async def one(ref: ObjectRef) -> list[Meta]:
        live = await read_one(connection, ref, METADATA)
        # The condition ResolvedRefs says of one that is not there.
        return [meta_of({**live, "kind": ref.kind})] if live is not None else []

    found: list[Meta] = []
    unread: dict[Unread, None] = {}
    for (kind, namespace), refs in sorted(groups.items()):
        every = sorted(refs)
        try:
            for at in range(0, len(every), _AT_ONCE):
                for metas in await asyncio.gather(*map(one, every[at : at + _AT_ONCE])):
                    found += metas
        except ApiError as error:
            where = namespace if connection.namespace else ""
            unread[Unread(kind, where, why_not(connection, error))] = None
    return tuple(found), tuple(unread)


def _suspects(observed: Observation) -> Iterable[Meta]:
    workloads: list[Workload] = [*observed.workloads.values(), *(observed.operators or ())]
    lacking = [one.meta for one in workloads if lacks_pods(one)]
    pods = (*observed.pods, *observed.operator_pods)
    starting = [pod.meta for pod in pods if is_starting(pod, observed.now)]
    return [*lacking[:_MOST_ASKED], *starting[:_MOST_ASKED]]
