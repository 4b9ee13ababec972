"""The `.status` of a Falco or Component, from its outcome and its live workload."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Protocol

import msgspec

from resources.instance.availability import availability
from resources.instance.outcome import Outcome, parked, reconciled
from resources.instance.version import shown_version, version_of
from resources.kubernetes.conditions import (
    AVAILABLE,
    RECONCILED,
    Counts,
    condition,
    seen,
    set_condition,
    unseen,
)
from resources.kubernetes.definition import LIST_MAP_BY_TYPE, doc
from resources.kubernetes.meta import Condition

if TYPE_CHECKING:
    from datetime import datetime

    from resources.instance.workload import MainWorkload
    from resources.kubernetes.meta import ObjectMeta

COUNTS = Counts(
    frozenset({"desiredReplicas", "availableReplicas", "unavailableReplicas"}),
    frozenset({AVAILABLE}),
)
"""Where the status of a Falco or Component counts pods."""

UNSEEN = unseen(RECONCILED, AVAILABLE)
"""The conditions of a Falco or Component that the operator has not seen yet."""


class Instance(Protocol):
    """A Falco or Component, as far as its status depends on it."""

    @property
    def metadata(self) -> ObjectMeta:
        """The metadata of the resource."""
        ...

    @property
    def status(self) -> WorkloadStatus:
        """The status of the resource as the API server returned it."""
        ...


def observed_status(
    resource: Instance,
    outcome: Outcome,
    wanted: MainWorkload,
    live: dict[str, Any] | None,
    now: datetime,
    why: str = "",
) -> dict[str, Any]:
    """The content of `.status` after a reconcile; equal observations give an equal dict.

    `live` is the wanted workload as the API server has it, None if it is absent or not ours. The
    image of its main container tells the version. `why` tells why pods are not available.
    """
    before, generation = resource.status, resource.metadata.generation
    pods = availability(wanted.kind, live, generation, why)
    last = condition(before.conditions, RECONCILED)
    conditions = set_condition(
        seen(before.conditions, now), reconciled(outcome, last, generation), now
    )
    after = type(before)(
        resource_type=wanted.kind,
        version=shown_version(
            before.version, version_of(live, wanted.container), complete=pods.complete
        ),
        desired_replicas=pods.desired,
        available_replicas=pods.available,
        unavailable_replicas=pods.unavailable,
        observed_generation=generation,
        conditions=set_condition(conditions, pods.condition, now),
    )
    return status_fields(after)


def status_of(raw: bytes) -> WorkloadStatus:
    """The status of a Falco or Component, also if its spec cannot be decoded."""
    return _statuses.decode(raw).status


def parked_status(
    before: WorkloadStatus, error: str, message: str, generation: int | None, now: datetime
) -> dict[str, Any]:
    """The content of `.status` once the actor has crashed too often: as before, with the error."""
    conditions = set_condition(
        seen(before.conditions, now), parked(error, message, generation), now
    )
    after = msgspec.structs.replace(before, conditions=conditions, observed_generation=generation)
    return status_fields(after)


def status_fields(status: WorkloadStatus) -> dict[str, Any]:
    """The status as JSON fields, to compare and to apply."""
    fields: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(status))
    return fields


class WorkloadStatus(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """The observed state of a workload; a count that is not known yet is absent, never 0."""

    resource_type: Annotated[str | None, doc("The workload kind that runs.")] = None
    version: Annotated[
        str | None,
        doc("The version that runs on all pods, or how it changes, as in `0.43.0 → 0.44.0`."),
    ] = None
    desired_replicas: Annotated[
        int | None, doc("How many pods there should be.", format="int32")
    ] = None
    available_replicas: Annotated[
        int | None, doc("How many pods are available.", format="int32")
    ] = None
    unavailable_replicas: Annotated[
        int | None, doc("How many pods are missing or not available.", format="int32")
    ] = None
    observed_generation: Annotated[
        int | None, doc("The metadata.generation that this status is about.")
    ] = None
    conditions: Annotated[
        tuple[Condition, ...] | None,
        doc("Reconciled and Available.", **LIST_MAP_BY_TYPE),
    ] = None


class _Reported(msgspec.Struct, frozen=True):
    status: WorkloadStatus = WorkloadStatus()


_statuses = msgspec.json.Decoder(_Reported)
