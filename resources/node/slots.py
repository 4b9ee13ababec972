"""The slots of a node and their versions; a slot is one source of one artifact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Self

import msgspec

from resources.artifact.medium import Medium
from resources.node.plugin_entries import PluginEntry

if TYPE_CHECKING:
    from collections.abc import Mapping


class SlotId(NamedTuple):
    """One source of one artifact; an artifact that is created anew has slots of its own.

    Its text is a key of the manifest on disk; no part of it can contain the separator.
    """

    kind: str
    name: str
    uid: str
    medium: Medium

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}/{self.uid}/{self.medium}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The id that was written as text; raises ValueError if it is none."""
        kind, name, uid, medium = text.split("/")
        return cls(kind, name, uid, Medium(medium))


class Content(msgspec.Struct, frozen=True):
    """The fetched content of a source.

    `origin` identifies what it was made from: sources of equal origin have equal content. `version`
    and `dependencies` are those of a plugin.
    """

    sha256: str
    origin: str
    version: str = ""
    dependencies: tuple[str, ...] = ()


class SlotVersion(msgspec.Struct, frozen=True):
    """One version of a slot; the installed one is remembered on disk, to fall back to.

    `file` is the name in the kind's directory, of the library for a Plugin. `created` is the
    artifact's creationTimestamp. A Plugin may have no content of its own; only Plugins have an
    entry.
    """

    file: str
    created: str
    content: Content | None = None
    entry: PluginEntry | None = None


def to_manifest(versions: Mapping[SlotId, SlotVersion]) -> dict[str, Any]:
    """The versions as JSON values by slot id as text."""
    return {str(slot): msgspec.to_builtins(version) for slot, version in versions.items()}


def from_manifest(slots: Mapping[str, Any]) -> dict[SlotId, SlotVersion]:
    """The versions that `to_manifest` gave.

    Raises:
        ValueError: another release of the sidecar gave them in another form.
    """
    versions = msgspec.convert(slots, dict[str, SlotVersion])
    return {SlotId.parse(text): version for text, version in versions.items()}
