"""The record on disk of what is ours there, and of what the sidecar wants to remember."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from resources.node.files import Directory, Place

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = "manifest.json"


class VolumeManifest(NamedTuple):
    """Files are ours if recorded as installed, or as pending and with just that content.

    `slots` is the sidecar's own; it is about `files` and changes with them.
    """

    files: Mapping[Place, str] = {}
    """Installed, with their content's SHA-256."""
    pending: Mapping[Place, str] = {}
    """Being installed; nobody knows how far that came."""
    entries_due: bool = False
    """Whether Falco may not have been told yet of a changed library."""
    slots: Mapping[str, Any] = {}
    gate_opened: bool = False


class UnreadableManifest(ValueError):  # noqa: N818 - it describes what is on disk
    """It is not one that was written here."""


class _Stored(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    files: dict[str, str] = {}
    pending: dict[str, str] = {}
    entries_due: bool = False
    slots: dict[str, Any] = {}
    gate_opened: bool = False


def encode(manifest: VolumeManifest) -> bytes:
    """The content of the file, the same for equal ones."""
    stored = _Stored(
        files=_by_path(manifest.files),
        pending=_by_path(manifest.pending),
        entries_due=manifest.entries_due,
        slots=dict(manifest.slots),
        gate_opened=manifest.gate_opened,
    )
    return msgspec.json.format(msgspec.json.encode(stored, order="deterministic"), indent=1)


def decode(data: bytes) -> VolumeManifest:
    """The manifest that was encoded.

    Raises:
        UnreadableManifest: nothing of it may be relied on.
    """
    try:
        stored = msgspec.json.decode(data, type=_Stored)
        files, pending = _by_place(stored.files), _by_place(stored.pending)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise UnreadableManifest(str(error)) from error
    return VolumeManifest(files, pending, stored.entries_due, stored.slots, stored.gate_opened)


def _by_path(files: Mapping[Place, str]) -> dict[str, str]:
    return {place.path: sha256 for place, sha256 in files.items()}


def _by_place(files: Mapping[str, str]) -> dict[Place, str]:
    return {_place(path): sha256 for path, sha256 in files.items()}


def _place(path: str) -> Place:
    """Where this is; a name cannot lead out of its directory, for it has no slash."""
    directory, _, name = path.rpartition("/")
    if name in {"", ".", ".."} or "\0" in name:
        raise ValueError(f"{path!r} is no file")
    return Place(Directory(directory), name)
