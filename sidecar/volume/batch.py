"""Several changes that Falco is to see as one."""

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
    """All that can fail is done by `stage`, where nobody sees it; `commit` renames and removes.

    Falco waits 100 ms for more before it reloads: nothing that may take long comes between what it
    watches. It does not watch libraries, so there is time to make sure of these first, and to make
    sure of all else before they are removed.
    """

    def __init__(self, root: Path, disk: Disk, blobs: Blobs, todo: Changes) -> None:
        self._root = root
        self._disk = disk
        self._blobs = blobs
        self._todo = todo
        self._staged: dict[File, Path] = {}

    def stage(self) -> None:
        """Make the new files, on disk, under temporary names."""
        for file in self._todo.installed:
            self._staged[file] = self._blobs.stage(file)

    def commit(self) -> None:
        """Do it all; a process that ends meanwhile leaves every file old or new."""
        todo = self._todo
        self._rename(todo.libraries)
        self._sync(todo.libraries)
        self._rename(todo.content)
        self._remove(todo.removed)
        self._sync((*todo.content, *todo.removed))
        self._remove(todo.removed_libraries)
        self._sync(todo.removed_libraries)

    def discard(self) -> None:
        """Remove what was made and is not in place."""
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
        directories = {one.directory for one in touched}
        for directory in Directory:
            if directory in directories:
                self._disk.sync(self._root / directory.value)
