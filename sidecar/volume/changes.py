"""What has to be done to the directories, in the order in which Falco can bear it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resources.node.files import PLUGIN_ENTRIES, Directory, File, Place

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from sidecar.volume.file_digests import FileState

_ENTRIES = Place(Directory.CONFIG, PLUGIN_ENTRIES)
# Content by directory, the entries apart: rules may need fields of plugins, and configurations
# may name rules files.
_ORDER = {Directory.PLUGINS: 0, Directory.RULES: 2, Directory.CONFIG: 3}


class Changes(NamedTuple):
    """Done from top to bottom, no entry ever names a library that is not there.

    And nothing is missing meanwhile that was there before and is there afterwards.
    """

    libraries: tuple[File, ...] = ()
    content: tuple[File, ...] = ()
    removed: tuple[Place, ...] = ()
    removed_libraries: tuple[Place, ...] = ()
    conflicts: tuple[File, ...] = ()
    """Not done: there is something else that is not ours."""

    @property
    def installed(self) -> tuple[File, ...]:
        """What comes, in order."""
        return self.libraries + self.content

    @property
    def gone(self) -> tuple[Place, ...]:
        """What goes, in order."""
        return self.removed + self.removed_libraries


def changes(
    desired: Iterable[File],
    present: Mapping[Place, FileState],
    foreign: Container[Place],
    *,
    entries_due: bool = False,
) -> Changes:
    """What makes the files that are ours, `present`, equal to the desired ones.

    Falco does not notice that a library was replaced, so then the entries are renamed anew, equal
    or not; also if that is still due from before.
    """
    wanted = {file.place: file for file in sorted(desired, key=_loading_order)}
    conflicts = tuple(file for place, file in wanted.items() if place in foreign)
    ours = [file for place, file in wanted.items() if place not in foreign]
    missing = {file.place for file in ours if present.get(file.place) != (file.sha256, file.mode)}
    if entries_due or any(place.directory is Directory.PLUGINS for place in missing):
        missing.add(_ENTRIES)
    new = [file for file in ours if file.place in missing]
    gone = sorted((place for place in present if place not in wanted), key=_loading_order)
    return Changes(
        libraries=tuple(file for file in new if _is_library(file)),
        content=tuple(file for file in new if not _is_library(file)),
        removed=tuple(place for place in reversed(gone) if not _is_library(place)),
        removed_libraries=tuple(place for place in gone if _is_library(place)),
        conflicts=conflicts,
    )


def _is_library(file: File | Place) -> bool:
    return file.directory is Directory.PLUGINS


def _loading_order(file: File | Place) -> tuple[int, str]:
    is_entries = (file.directory, file.name) == _ENTRIES
    return 1 if is_entries else _ORDER[file.directory], file.name
