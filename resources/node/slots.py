"""The slots of a node and their versions; a slot is one source of one artifact."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import msgspec

from resources.artifact.medium import Medium
from resources.check.needs import Needs
from resources.node.files import DIRECTORIES, PRIORITIES, file_name, library_name
from resources.node.plugin_entries import PluginEntry, unwritable

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_MOST_QUOTED = 200


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

    `origin` identifies what it was made from: sources of equal origin have equal content.
    `version`, `dependencies` and `needs` are those of a plugin.
    """

    sha256: str
    origin: str
    version: str = ""
    dependencies: tuple[str, ...] = ()
    needs: Needs = Needs()


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


class KnownSlots(NamedTuple):
    """The slots of a manifest; `unknown` says of each other slot why it is none."""

    versions: dict[SlotId, SlotVersion]
    unknown: tuple[str, ...]


def from_manifest(slots: Mapping[str, Any]) -> KnownSlots:
    """The versions that `to_manifest` gave.

    A slot is unknown if another release of the sidecar, or somebody else, has written it in another
    form; its content is fetched anew. No known slot names a file outside of its directory.
    """
    versions, unknown = {}, []
    for text, value in slots.items():
        try:
            slot, version = SlotId.parse(text), msgspec.convert(value, SlotVersion)
            _require_ours(slot, version)
        except (ValueError, RecursionError) as error:
            unknown.append(f"{text[:_MOST_QUOTED]!r}: {error}")
            continue
        versions[slot] = version
    return KnownSlots(versions, tuple(unknown))


def _require_ours(slot: SlotId, version: SlotVersion) -> None:
    """Raises ValueError if no artifact leads to this version of the slot."""
    is_plugin, content = slot.kind == "Plugin", version.content
    if slot.kind not in DIRECTORIES:
        raise ValueError("the kind is not known")
    if not _NAME.fullmatch(slot.name) or version.file not in _file_names(slot):
        raise ValueError("the file is none of this artifact")
    if content is not None and not _SHA256.fullmatch(content.sha256):
        raise ValueError("the content has no SHA-256")
    if (version.entry is None) is is_plugin or (content is None and not is_plugin):
        raise ValueError("only a Plugin has an entry, and nothing else is without content")
    if version.entry is not None and (problem := unwritable(version.entry.init_config)):
        raise ValueError(f"the configuration of the plugin {problem}")


def _file_names(slot: SlotId) -> Container[str]:
    """Every file that the slot may have, whatever its priority."""
    if slot.kind == "Plugin":
        return {library_name(slot.name)}
    return {file_name(priority, slot.medium, slot.name) for priority in PRIORITIES}
