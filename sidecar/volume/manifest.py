"""The manifest: the record on disk of the sidecar's files and of its state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from resources.node.files import Directory, Place
from resources.rules.versions import FalcoVersions

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = "manifest.json"


class VolumeManifest(NamedTuple):
    """A file is the sidecar's if it is in `files`, or in `pending` and has the content given there.

    `slots` are the installed versions (`resources.node.slots`); they change together with `files`.
    """

    files: Mapping[Place, str] = {}
    """The installed files, with the SHA-256 of their content."""
    pending: Mapping[Place, str] = {}
    """Files of an installation that may not be completed."""
    entries_due: bool = False
    """Whether a library has changed and Falco may not have reloaded since."""
    slots: Mapping[str, Any] = {}
    gate_opened: bool = False
    versions: Mapping[str, FalcoVersions] = {}
    """What Falco has said of itself, by the version of the image that it was run from."""
    loaded: Mapping[str, Any] | None = None
    """The slots that Falco has loaded last; None if it has not said so."""
    refused: Mapping[str, Any] = {}
    """Versions that it has refused (`resources.node.refusal`), by slot."""


class UnreadableManifest(ValueError):  # noqa: N818 - it describes what is on disk
    """The sidecar has not written such a manifest."""


class _Stored(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    files: dict[str, str] = {}
    pending: dict[str, str] = {}
    entries_due: bool = False
    slots: dict[str, Any] = {}
    gate_opened: bool = False
    versions: dict[str, FalcoVersions] = {}
    loaded: dict[str, Any] | None = None
    refused: dict[str, Any] = {}


def encode(manifest: VolumeManifest) -> bytes:
    """The content of the file, the same for equal manifests."""
    stored = _Stored(
        files=_by_path(manifest.files),
        pending=_by_path(manifest.pending),
        entries_due=manifest.entries_due,
        slots=dict(manifest.slots),
        gate_opened=manifest.gate_opened,
        versions=dict(manifest.versions),
        loaded=None if manifest.loaded is None else dict(manifest.loaded),
        refused=dict(manifest.refused),
    )
    return msgspec.json.format(msgspec.json.encode(stored, order="deterministic"), indent=1)


def decode(data: bytes) -> VolumeManifest:
    """The manifest from the content of its file.

    Raises:
        UnreadableManifest: no part of it may be relied on.
    """
    try:
        stored = msgspec.json.decode(data, type=_Stored)
        files, pending = _by_place(stored.files), _by_place(stored.pending)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise UnreadableManifest(str(error)) from error
    return VolumeManifest(
        files,
        pending,
        stored.entries_due,
        stored.slots,
        stored.gate_opened,
        stored.versions,
        stored.loaded,
        stored.refused,
    )


def _by_path(files: Mapping[Place, str]) -> dict[str, str]:
    return {place.path: sha256 for place, sha256 in files.items()}


def _by_place(files: Mapping[str, str]) -> dict[Place, str]:
    return {_place(path): sha256 for path, sha256 in files.items()}


def _place(path: str) -> Place:
    """The place of a path; its name has no slash, so it cannot lead out of the directory."""
    directory, _, name = path.rpartition("/")
    if name in {"", ".", ".."} or "\0" in name:
        raise ValueError(f"{path!r} is no file")
    return Place(Directory(directory), name)
