"""The status of a resource that runs a workload, from what is observed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Protocol

import msgspec

from resources.instance import image
from resources.instance.availability import availability
from resources.instance.outcome import Outcome, parked, reconciled
from resources.kubernetes.conditions import AVAILABLE, RECONCILED, Counts, condition, set_condition
from resources.kubernetes.definition import LIST_MAP_BY_TYPE, doc
from resources.kubernetes.invalid_spec import InvalidSpec
from resources.kubernetes.meta import Condition

if TYPE_CHECKING:
    from datetime import datetime

    from resources.kubernetes.meta import ObjectMeta

COUNTS = Counts(
    frozenset({"desiredReplicas", "availableReplicas", "unavailableReplicas"}), AVAILABLE
)
"""Where the status of a Falco or Component counts pods."""


class Instance(Protocol):
    """A resource that runs a workload."""

    @property
    def metadata(self) -> ObjectMeta:
        """Its metadata."""
        ...

    @property
    def status(self) -> WorkloadStatus:
        """Its status as it was read."""
        ...


def observed_status(
    resource: Instance,
    outcome: Outcome,
    workload: dict[str, Any] | None,
    *,
    kind: str,
    container: str,
    now: datetime,
) -> dict[str, Any]:
    """The content of `.status`; equal observations give an equal dict.

    `workload` is the live one of this kind, if it is there and ours; the image of its `container`
    tells which version runs.
    """
    before, generation = resource.status, resource.metadata.generation
    pods = availability(kind, workload, generation)
    said = condition(before.conditions, RECONCILED)
    conditions = set_condition(before.conditions, reconciled(outcome, said, generation), now)
    after = type(before)(
        resource_type=kind,
        version=running_version(workload, container),
        desired_replicas=pods.desired,
        available_replicas=pods.available,
        unavailable_replicas=pods.unavailable,
        observed_generation=generation,
        conditions=set_condition(conditions, pods.finding, now),
    )
    return status_fields(after)


def parked_status(resource: Instance, error: str, message: str, now: datetime) -> dict[str, Any]:
    """The content of `.status` once the actor has failed too often: its error, else as it was."""
    before, generation = resource.status, resource.metadata.generation
    conditions = set_condition(before.conditions, parked(error, message, generation), now)
    after = msgspec.structs.replace(before, conditions=conditions, observed_generation=generation)
    return status_fields(after)


def status_fields(status: WorkloadStatus) -> dict[str, Any]:
    """The status as it stands in the resource, fit to be compared and applied."""
    fields: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(status))
    return fields


def running_version(workload: dict[str, Any] | None, container: str) -> str | None:
    """The version in the image of a workload's container; None if there is no such thing."""
    if workload is None:
        return None
    for candidate in workload["spec"]["template"]["spec"]["containers"]:
        if candidate["name"] == container:
            return _version(candidate["image"])
    return None


def _version(reference: str) -> str | None:
    try:
        return image.parse(reference, "image").version
    except InvalidSpec:
        return None


class WorkloadStatus(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """What is known of a workload; counts are absent before they are known, never 0."""

    resource_type: Annotated[str | None, doc("The workload kind that runs.")] = None
    version: Annotated[str | None, doc("The version that runs.")] = None
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
