"""The files and blobs of slots' versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resources.node.files import DIRECTORIES, PLUGIN_ENTRIES, Directory, File
from resources.node.plugin_entries import plugin_entries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from resources.node.slots import SlotId, SlotVersion
    from sidecar.volume.blobs import Blobs

_MOST_NAMED = 5


def slot_files(versions: Mapping[SlotId, SlotVersion], blobs: Blobs) -> list[File]:
    """The files of these versions, and that of all plugins' entries, whose content is stored."""
    files = [
        File(DIRECTORIES[slot.kind], version.file, version.content.sha256)
        for slot, version in versions.items()
        if version.content is not None
    ]
    entries = [version.entry for version in versions.values() if version.entry is not None]
    if entries:
        sha256 = blobs.put(Directory.CONFIG, plugin_entries(entries).encode())
        files.append(File(Directory.CONFIG, PLUGIN_ENTRIES, sha256))
    return files


def contents(versions: Iterable[SlotVersion]) -> set[str]:
    """The SHA-256 of the contents of these versions."""
    return {version.content.sha256 for version in versions if version.content is not None}


def changed_files(before: Mapping[SlotId, SlotVersion], after: Mapping[SlotId, SlotVersion]) -> str:
    """Which files of slots were written and removed, in words."""
    written = sorted(v.file for slot, v in after.items() if before.get(slot) != v)
    removed = sorted({v.file for v in before.values()} - {v.file for v in after.values()})
    if not written and not removed:
        return f"left {len(after)} files as they are"
    parts = (("wrote", written), ("removed", removed))
    return "; ".join(f"{verb} {_named(files)}" for verb, files in parts if files)


def _named(files: Sequence[str]) -> str:
    more = f" and {len(files) - _MOST_NAMED} more" if len(files) > _MOST_NAMED else ""
    return f"{', '.join(files[:_MOST_NAMED])}{more}"
