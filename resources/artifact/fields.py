"""Fields that Rulesfile, Plugin and Config share: status, priority, selector and validation."""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec.json import Decoder

from resources.kubernetes.conditions import (
    COMPATIBLE,
    LOADED,
    PROGRAMMED,
    RESOLVED_REFS,
    unseen,
)
from resources.kubernetes.definition import AGE, LIST_MAP_BY_TYPE, Column, condition_column, doc
from resources.kubernetes.meta import Condition, LabelSelector
from resources.signatures.standing import Verified


class Resolved(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """What the references of an artifact were resolved to; every node installs exactly this."""

    observed_generation: Annotated[
        int | None, doc("The metadata.generation that was resolved.")
    ] = None
    revision: Annotated[
        str | None, doc("Changes if and only if there is something else to install.")
    ] = None
    oci_digest: Annotated[str | None, doc("Digest that the tag pointed to.")] = None
    verified: Annotated[
        Verified | None, doc("The digest that is known to be signed as is demanded.")
    ] = None
    config_map_resource_version: Annotated[
        str | None,
        doc("resourceVersion of the ConfigMap that was read: of the content, else the CA."),
    ] = None
    config_map_digest: Annotated[
        str | None, doc("SHA-256 of the content that the ConfigMap holds, as sha256:….")
    ] = None
    ca_digest: Annotated[
        str | None, doc("SHA-256 of the CA that its ConfigMap holds, as sha256:….")
    ] = None
    secret_resource_version: Annotated[
        str | None, doc("resourceVersion of the Secret that was read.")
    ] = None
    secret_digest: Annotated[
        str | None,
        doc("HMAC-SHA256 of what the Secret holds, with its uid as key; the uid is shown nowhere."),
    ] = None
    resolved_at: Annotated[str | None, doc("When this was resolved.", format="date-time")] = None


class Nodes(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """How many Falco pods, not nodes, have installed the revision, failed or not reported yet."""

    desired: Annotated[int | None, doc("Falco pods that the selector covers.", format="int32")] = (
        None
    )
    programmed: Annotated[
        int | None, doc("Pods that have installed this revision.", format="int32")
    ] = None
    failed: Annotated[int | None, doc("Pods that report a failure.", format="int32")] = None
    pending: Annotated[
        int | None, doc("Pods that have not reported this revision yet.", format="int32")
    ] = None
    unreachable: Annotated[
        int | None,
        doc(
            "Pods that are not programmed and whose node is not ready; absent if there are none.",
            format="int32",
        ),
    ] = None
    loaded: Annotated[
        int | None,
        doc("Pods whose Falco is known to have loaded this revision.", format="int32"),
    ] = None
    summary: Annotated[str | None, doc("Programmed and desired pods, such as 3/5.")] = None


class ArtifactStatus(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """The status of an artifact; the operator alone writes it."""

    observed_generation: Annotated[
        int | None, doc("The metadata.generation that this status is about.")
    ] = None
    resolved: Annotated[
        Resolved | None, doc("What the references led to; nodes install exactly this.")
    ] = None
    nodes: Annotated[
        Nodes | None, doc("The reports of the Falco pods, summed up: all numbers count pods.")
    ] = None
    conditions: Annotated[
        tuple[Condition, ...] | None,
        doc(
            "ResolvedRefs, Programmed, Loaded; of a Rulesfile or Plugin also Verified, Compatible.",
            **LIST_MAP_BY_TYPE,
        ),
    ] = None


SUMMARIES = {
    "Rulesfile": (PROGRAMMED, LOADED, COMPATIBLE),
    "Plugin": (PROGRAMMED, LOADED, COMPATIBLE),
    "Config": (PROGRAMMED, LOADED),
}
"""By kind: the types of conditions that sum up what pods report."""


def unseen_status(kind: str) -> ArtifactStatus:
    """The status of an artifact that the operator has not seen yet."""
    return ArtifactStatus(conditions=unseen(RESOLVED_REFS, *SUMMARIES[kind]))


Priority = Annotated[
    int, doc("Higher is loaded later and wins.", format="int32", minimum=0, maximum=99)
]


Selector = Annotated[
    LabelSelector | None, doc("The nodes that get it, by their labels; absent means all.")
]


class Validation(StrEnum):
    """What happens to content that the check refuses; what is unsafe is refused in either mode."""

    ENFORCE = "Enforce"
    """It is not installed, and the last good version stays."""
    WARN = "Warn"
    """It is installed all the same, and the finding is told."""


ValidationMode = Annotated[
    str | None,
    doc(
        "Whether what the check refuses is installed: by Enforce it is not, and the last good "
        "version stays; by Warn it is, although Falco may not load it and then not start either, "
        "and the condition Programmed says what was found, unless it is no YAML, exceeds a limit "
        "or would end a running Falco, which is refused in either mode; absent means what the "
        "operator's flag says, which is Enforce unless it is set.",
        enum=[mode.value for mode in Validation],
    ),
]


PRIORITY_COLUMN = Column(
    "Priority", ".spec.priority", "Higher is loaded later and wins.", "integer"
)


def status_columns(kind: str) -> tuple[Column, ...]:
    """The printer columns that show the status of an artifact."""
    return (
        *map(condition_column, SUMMARIES[kind]),
        condition_column(RESOLVED_REFS),
        Column("Pods", ".status.nodes.summary", "Programmed and desired pods."),
        AGE,
    )


class _Moded(msgspec.Struct, frozen=True):
    validation: str = ""


class _OfMode(msgspec.Struct, frozen=True):
    spec: _Moded = _Moded()


_modes = Decoder(_OfMode)


def validation_of(raw: bytes, default: Validation) -> Validation:
    """The mode of an artifact in JSON, also if the rest of its spec cannot be decoded.

    The default counts if the artifact names none, or none that is known here.
    """
    try:
        return Validation(_modes.decode(raw).spec.validation)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return default
