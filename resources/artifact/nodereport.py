"""NodeReport: the states of all artifacts on one node; only the sidecar of its Falco pod writes it.

It has the name of the pod, which owns it: it is deleted with the pod.
"""

import hashlib
from enum import StrEnum
from typing import Annotated

import msgspec

from resources.kubernetes.definition import AGE, ATOMIC_LIST, Column, ResourceDefinition, doc
from resources.kubernetes.meta import ObjectMeta


class ReportState(StrEnum):
    """How far an artifact's revision has come on one node."""

    PROGRAMMED = "Programmed"
    FAILED = "Failed"
    PENDING = "Pending"
    NOT_SELECTED = "NotSelected"


class LoadState(StrEnum):
    """Whether Falco has loaded what is installed, in the words of a condition's status."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class FitState(StrEnum):
    """Whether Falco has what an artifact needs, in the words of a condition's status."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class ArtifactReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """The state of one artifact on one node."""

    kind: Annotated[str, doc("Kind of the artifact.", enum=["Rulesfile", "Plugin", "Config"])]
    name: Annotated[str, doc("Name of the artifact.", minLength=1, maxLength=253)]
    uid: Annotated[str, doc("Which artifact of that name is meant.", minLength=1, maxLength=64)]
    revision: Annotated[
        str, doc("The revision that the state is about; empty before one is known.", maxLength=256)
    ]
    state: Annotated[
        str,
        doc(
            "How far the revision has come on this node.",
            enum=[state.value for state in ReportState],
        ),
    ]
    reason: Annotated[
        str | None, doc("Why, as one CamelCase word; absent where all is well.", maxLength=1024)
    ] = None
    message: Annotated[str | None, doc("Details for people.", maxLength=32768)] = None
    loaded: Annotated[
        str | None,
        doc(
            "Whether Falco has loaded what is installed; absent while it may still do so.",
            enum=[state.value for state in LoadState],
        ),
    ] = None
    loaded_reason: Annotated[
        str | None,
        doc("Why not, or why nobody knows, as one CamelCase word.", maxLength=1024),
    ] = None
    loaded_message: Annotated[
        str | None, doc("Details for people; where it has, by what that is known.", maxLength=32768)
    ] = None
    compatible: Annotated[
        str | None,
        doc(
            "Whether Falco has what the wanted content needs; absent while that is not known.",
            enum=[state.value for state in FitState],
        ),
    ] = None
    compatible_message: Annotated[
        str | None, doc("What is lacking, or not known.", maxLength=32768)
    ] = None


class FalcoReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """The Falco of a pod: what it says of itself, or before that what its image tells."""

    name: Annotated[str, doc("Name of the Falco.", maxLength=253)] = ""
    version: Annotated[str, doc("Version of Falco, or tag of its image.", maxLength=256)] = ""
    engine_version: Annotated[str, doc("Version of its rule engine.", maxLength=256)] = ""
    plugin_api_version: Annotated[
        str, doc("Version of the API that it has for plugins.", maxLength=256)
    ] = msgspec.field(name="pluginAPIVersion", default="")

    def __str__(self) -> str:
        known = " ".join(text for text in (self.name, self.version) if text)
        return f"Falco {known}" if known else "a Falco of unknown version"


MARK_BYTES = 6
"""Of 10,000 artifacts, one in 10^10 that is not there would be taken for one that is."""


def mark(uid: str, revision: str) -> bytes:
    """The mark by which an artifact and its revision are known where they are not listed."""
    text = f"{uid}/{revision}".encode(errors="backslashreplace")
    return hashlib.sha256(text).digest()[:MARK_BYTES]


class UnlistedArtifacts(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"
):
    """Artifacts in the same state for which a report has no room."""

    state: Annotated[
        str, doc("How far they have come.", enum=[state.value for state in ReportState])
    ]
    reason: Annotated[str | None, doc("Why, as one CamelCase word.", maxLength=64)] = None
    loaded: Annotated[
        str | None,
        doc("Whether Falco has loaded them.", enum=[state.value for state in LoadState]),
    ] = None
    loaded_reason: Annotated[str | None, doc("Why not, or why nobody knows.", maxLength=64)] = None
    compatible: Annotated[
        str | None,
        doc("Whether Falco has what they need.", enum=[state.value for state in FitState]),
    ] = None
    count: Annotated[int, doc("How many they are.", format="int32", minimum=0)] = 0
    marks: Annotated[
        str,
        doc(
            "By which the operator knows them: in base64, 6 bytes of the SHA-256 of uid/revision "
            "of each.",
            maxLength=262144,
        ),
    ] = ""


class NodeReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """What one Falco pod says of the artifacts on its node; not for users to write."""

    node_name: Annotated[str, doc("The node of the pod.", minLength=1, maxLength=253)]
    pod_uid: Annotated[
        str, doc("The pod that reports, whose name this object has.", minLength=1, maxLength=64)
    ] = msgspec.field(name="podUID")
    metadata: ObjectMeta = ObjectMeta()
    judge: Annotated[
        str | None,
        doc(
            "Who decides what is installed: Falco, asked in a dry run, or, with the reason, "
            "the sidecar's own check only.",
            maxLength=32768,
        ),
    ] = None
    falco: Annotated[FalcoReport | None, doc("The Falco of the pod.")] = None
    artifacts: Annotated[
        tuple[ArtifactReport, ...] | None,
        doc(
            "One entry for every artifact of the namespace; where 256 KiB are not enough, "
            "failures come first and the rest is in unlisted.",
            **ATOMIC_LIST,
        ),
    ] = None
    unlisted: Annotated[
        tuple[UnlistedArtifacts, ...] | None,
        doc(
            "The artifacts for which there is no room, by what is to be said of them.",
            **ATOMIC_LIST,
        ),
    ] = None


_falcos = msgspec.json.Decoder(FalcoReport | None)
_artifacts = msgspec.json.Decoder(tuple[ArtifactReport, ...] | None)
_unlisted = msgspec.json.Decoder(tuple[UnlistedArtifacts, ...] | None)


class ReportDocument(msgspec.Struct):
    """A NodeReport as the API server writes it, of which what it reports is not decoded yet.

    The nodes of a namespace report the same of the same artifacts most of the time, so that whoever
    knows the `digest` need not decode it again. The properties raise msgspec.DecodeError.
    """

    nodeName: str  # noqa: N815 - the name on the wire
    podUID: str  # noqa: N815
    falco: msgspec.Raw = msgspec.Raw(b"null")
    artifacts: msgspec.Raw = msgspec.Raw(b"null")
    unlisted: msgspec.Raw = msgspec.Raw(b"null")

    @property
    def digest(self) -> bytes:
        """Equal for pods that report the same."""
        content = b"".join((self.falco, self.artifacts, self.unlisted))
        return hashlib.blake2b(content, digest_size=16).digest()

    @property
    def falco_report(self) -> FalcoReport | None:
        """The Falco of the pod."""
        falco: FalcoReport | None = _falcos.decode(self.falco)
        return falco

    @property
    def artifact_reports(self) -> tuple[ArtifactReport, ...]:
        """The artifacts that are listed."""
        return _artifacts.decode(self.artifacts) or ()

    @property
    def unlisted_artifacts(self) -> tuple[UnlistedArtifacts, ...]:
        """The artifacts for which there was no room."""
        return _unlisted.decode(self.unlisted) or ()


DEFINITION = ResourceDefinition(
    type=NodeReport,
    kind="NodeReport",
    columns=(
        Column("Node", ".nodeName", "The node of the pod."),
        Column("Falco", ".falco.name", "The Falco of the pod."),
        Column("Version", ".falco.version", "Its version."),
        Column("Engine", ".falco.engineVersion", "The version of its rule engine."),
        AGE,
    ),
    has_status=False,
)
