"""The types of Kubernetes' meta/v1 in use, with only the fields that are read here."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec

from resources.kubernetes.definition import ATOMIC_LIST, ValidationRule, doc


def timestamp(moment: datetime) -> str:
    """The moment as the API server spells a Time; any other spelling would be a write."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_time(moment: datetime) -> str:
    """The moment as the API server spells a MicroTime, always with six fractional digits."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class OwnerReference(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel", gc=False
):
    """A reference to the owner of an object, with which the object is garbage collected."""

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool | None = None
    block_owner_deletion: bool | None = None


class ObjectMeta(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel", gc=False
):
    """The metadata of any object."""

    name: str = ""
    namespace: str | None = None
    uid: str | None = None
    resource_version: str | None = None
    generation: int | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    finalizers: tuple[str, ...] | None = None
    owner_references: tuple[OwnerReference, ...] | None = None
    deletion_timestamp: str | None = None
    creation_timestamp: str | None = None


RETRY = "falcosecurity.dev/retry"
"""The annotation of a resource whose every new value has a parked actor tried again."""


def trial_of(meta: ObjectMeta) -> tuple[str, int, str]:
    """What a user changes to have a parked actor tried again: the resource, its spec, or RETRY."""
    return meta.uid or "", meta.generation or 0, (meta.annotations or {}).get(RETRY, "")


class Condition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One aspect of the current state."""

    type: Annotated[
        str, doc("Name of the condition, unique in its list.", minLength=1, maxLength=316)
    ]
    status: Annotated[str, doc("Whether the condition holds.", enum=["True", "False", "Unknown"])]
    reason: Annotated[
        str,
        doc(
            "Why the condition last changed, as one CamelCase word.",
            minLength=1,
            maxLength=1024,
            pattern="^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
        ),
    ]
    message: Annotated[str, doc("Details for people; may be empty.", maxLength=32768)]
    last_transition_time: Annotated[
        str, doc("When the status last changed, not the message.", format="date-time")
    ]
    observed_generation: Annotated[
        int | None, doc("The metadata.generation that the condition is about.", minimum=0)
    ] = None


class LabelSelectorRequirement(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"
):
    """A test of one label."""

    key: Annotated[str, doc("The label key to test.", minLength=1, maxLength=317)]
    operator: Annotated[
        str,
        doc("How the label relates to the values.", enum=["In", "NotIn", "Exists", "DoesNotExist"]),
    ]
    values: Annotated[
        tuple[str, ...] | None,
        doc("The values for In and NotIn; absent for Exists and DoesNotExist.", **ATOMIC_LIST),
    ] = None


class LabelSelector(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Selects objects by their labels; all requirements must hold, and an empty one selects all."""

    match_labels: Annotated[
        dict[str, str] | None, doc("Labels that must be there with exactly these values.")
    ] = None
    match_expressions: Annotated[
        tuple[LabelSelectorRequirement, ...] | None,
        doc(
            "Requirements that labels must meet.",
            ValidationRule(
                "self.all(r, (r.operator in ['In', 'NotIn'])"
                " == (has(r.values) && size(r.values) > 0))",
                "values are needed for In and NotIn, and not allowed for Exists and DoesNotExist",
            ),
            maxItems=64,
            **ATOMIC_LIST,
        ),
    ] = None


class LocalReference(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Names an object of the same namespace."""

    name: Annotated[str, doc("Name of the object.", minLength=1, maxLength=253)]
