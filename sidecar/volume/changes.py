"""The changes of Falco's directories: decided, then made, in an order safe at every step."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resources.node.files import PLUGIN_ENTRIES, Directory, File, Place

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping
    from pathlib import Path

    from sidecar.volume.blobs import Blobs
    from sidecar.volume.disk import Disk
    from sidecar.volume.file_digests import FileState

_ENTRIES = Place(Directory.CONFIG, PLUGIN_ENTRIES)
# After libraries and their entries come rules, which may need fields of plugins, then
# configurations, which may name rules files.
_ORDER = {Directory.PLUGINS: 0, Directory.RULES: 2, Directory.CONFIG: 3}


class Changes(NamedTuple):
    """Changes to be made from top to bottom.

    At every step each entry's library exists, and each file that exists before and after.

    A Falco that loads may have read entries that are about to change, and open their libraries
    yet. Therefore no library is removed together with its entry, but by the next batch.
    """

    libraries: tuple[File, ...] = ()
    content: tuple[File, ...] = ()
    removed: tuple[Place, ...] = ()
    removed_libraries: tuple[Place, ...] = ()
    postponed: tuple[Place, ...] = ()
    """Libraries that nobody wants any more, and that stay until the next batch."""
    conflicts: tuple[File, ...] = ()
    """Files that are not installed, because a file of somebody else has their name."""

    @property
    def installed(self) -> tuple[File, ...]:
        """The files to install, in order."""
        return self.libraries + self.content

    @property
    def gone(self) -> tuple[Place, ...]:
        """The files to remove, in order."""
        return self.removed + self.removed_libraries


def changes(
    desired: Iterable[File],
    present: Mapping[Place, FileState],
    foreign: Container[Place],
    *,
    entries_due: bool = False,
    unused: Container[Place] = (),
) -> Changes:
    """The changes that make the sidecar's files, `present`, equal to the desired ones.

    Falco does not notice a replaced library. Therefore the file of entries is installed again, even
    if it is equal, when a library changes; `entries_due` says that an earlier such change is not
    completed. `unused` are libraries that the batch before has postponed.
    """
    wanted = {file.place: file for file in sorted(desired, key=_loading_order)}
    conflicts = tuple(file for place, file in wanted.items() if place in foreign)
    ours = [file for place, file in wanted.items() if place not in foreign]
    missing = {file.place for file in ours if present.get(file.place) != (file.sha256, file.mode)}
    if entries_due or any(place.directory is Directory.PLUGINS for place in missing):
        missing.add(_ENTRIES)
    new = [file for file in ours if file.place in missing]
    gone = sorted((place for place in present if place not in wanted), key=_loading_order)
    content = tuple(file for file in new if not _is_library(file))
    removed = tuple(place for place in reversed(gone) if not _is_library(place))
    unwanted = tuple(place for place in gone if _is_library(place))
    is_seen = bool(content or removed)
    return Changes(
        libraries=tuple(file for file in new if _is_library(file)),
        content=content,
        removed=removed,
        removed_libraries=tuple(place for place in unwanted if not is_seen or place in unused),
        postponed=tuple(place for place in unwanted if is_seen and place not in unused),
        conflicts=conflicts,
    )


class Batch:
    """Makes changes back to back, so that Falco reloads once.

    `stage` does all that is likely to fail, unseen by Falco; `commit` only renames and removes.

    Falco waits 100 ms for further changes before it reloads, so no slow step comes between changes
    that it watches. It does not watch libraries: new libraries are synced to disk before the other
    changes.
    """

    def __init__(self, root: Path, disk: Disk, blobs: Blobs, todo: Changes) -> None:
        self._root = root
        self._disk = disk
        self._blobs = blobs
        self._todo = todo
        self._staged: dict[File, Path] = {}

    def stage(self) -> None:
        """Make the new files under temporary names and sync them to disk."""
        for file in self._todo.installed:
            self._staged[file] = self._blobs.stage(file)

    def commit(self) -> None:
        """Rename and remove; a process that is killed meanwhile leaves every file old or new."""
        todo = self._todo
        self._rename(todo.libraries)
        self._sync(todo.libraries)
        self._rename(todo.content)
        self._remove(todo.removed)
        self._sync((*todo.content, *todo.removed))
        self._remove(todo.removed_libraries)
        self._sync(todo.removed_libraries)

    def discard(self) -> None:
        """Remove the staged files that were not renamed into place."""
        for path in self._staged.values():
            self._blobs.discard(path)
        self._staged.clear()

    def _rename(self, files: Iterable[File]) -> None:
        for file in files:
            self._disk.rename(self._staged[file], self._root / file.path)
            del self._staged[file]

    def _remove(self, places: Iterable[Place]) -> None:
        for place in places:
            self._disk.remove(self._root / place.path)

    def _sync(self, touched: Iterable[File | Place]) -> None:
        directories = {place.directory for place in touched}
        for directory in Directory:
            if directory in directories:
                self._disk.sync(self._root / directory.value)


def _is_library(file: File | Place) -> bool:
    return file.directory is Directory.PLUGINS


def _loading_order(file: File | Place) -> tuple[int, str]:
    is_entries = (file.directory, file.name) == _ENTRIES
    return 1 if is_entries else _ORDER[file.directory], file.name
