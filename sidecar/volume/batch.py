"""Applies several changes of files back to back, so that Falco reloads once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resources.node.files import Directory

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from resources.node.files import File, Place
    from sidecar.volume.blobs import Blobs
    from sidecar.volume.changes import Changes
    from sidecar.volume.disk import Disk


class Batch:
    """`stage` does all that is likely to fail, unseen by Falco; `commit` only renames and removes.

    Falco waits 100 ms for further changes before it reloads, so no slow step comes between changes
    that it watches. It does not watch libraries: new libraries are synced to disk before the other
    changes, and all other changes before libraries are removed.
    """

    def __init__(self, root: Path, disk: Disk, blobs: Blobs, changes: Changes) -> None:
        self._root = root
        self._disk = disk
        self._blobs = blobs
        self._changes = changes
        self._staged: dict[File, Path] = {}

    def stage(self) -> None:
        """Make the new files under temporary names and sync them to disk."""
        for file in self._changes.installed:
            self._staged[file] = self._blobs.stage(file)

    def commit(self) -> None:
        """Rename and remove; a process that is killed meanwhile leaves every file old or new."""
        changes = self._changes
        self._rename(changes.libraries)
        self._sync(changes.libraries)
        self._rename(changes.content)
        self._remove(changes.removed)
        self._sync((*changes.content, *changes.removed))
        self._remove(changes.removed_libraries)
        self._sync(changes.removed_libraries)

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
