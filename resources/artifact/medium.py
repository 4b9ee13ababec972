"""The media through which the content of an artifact reaches a node."""

from enum import StrEnum


class Medium(StrEnum):
    """The medium of one source, in the order in which Falco loads the sources of one artifact.

    The value is part of file names, of the manifest on disk and of messages to users.
    """

    OCI = "oci"
    CONFIG_MAP = "configmap"
    INLINE = "inline"

    @property
    def event_subject(self) -> str:
        """What the reason of an Event about this source starts with, as in OCIArtifactStored."""
        return _EVENT_SUBJECTS[self]


_EVENT_SUBJECTS = {
    Medium.OCI: "OCIArtifact",
    Medium.CONFIG_MAP: "ConfigMapArtifact",
    Medium.INLINE: "InlineArtifact",
}
