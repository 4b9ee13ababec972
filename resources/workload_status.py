"""Status of the resources that run a workload."""

from typing import Annotated

import msgspec

from resources.kubernetes.definition import LIST_MAP_BY_TYPE, doc
from resources.kubernetes.meta import Condition


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
