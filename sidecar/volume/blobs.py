"""Content that is or may be installed, by its SHA-256, in the volume of each directory.

Falco ignores subdirectories. Content is prepared in a subdirectory of its directory, for a link and
a rename both must stay within one file system.

    config.d/.artifact-operator/blobs/<sha256>    complete and synced, or absent
                                staged/           about to be renamed
                                pulls/            written by child processes
"""

from __future__ import annotations

import errno
import hashlib
import itertools
import stat
import threading
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, NamedTuple

from resources.node.files import Directory
from sidecar.volume.disk import SUBDIRECTORY, VolumeError, reported
from sidecar.volume.file_digests import FileDigests

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from resources.node.files import File
    from sidecar.volume.disk import Disk

_BLOBS, _STAGED, _PULLS = "blobs", "staged", "pulls"


class Received(NamedTuple):
    """A file to be written, and where it is; whoever asked for it closes it."""

    path: Path
    file: IO[bytes]


class Blobs:
    """Stores content; safe to use from several threads. Raises VolumeError if the disk fails."""

    def __init__(self, root: Path, disk: Disk) -> None:
        """`root` is what Falco sees as /."""
        self._root = root
        self._disk = disk
        self._numbers = itertools.count()
        self._fresh: set[str] = set()
        self.digests = FileDigests()
        self.lock = threading.RLock()
        """Held by a caller, it keeps every blob where it is."""

    def put(self, directory: Directory, data: bytes) -> str:
        """Store this content; return its SHA-256."""
        sha256 = hashlib.sha256(data).hexdigest()
        with self.lock:
            if not self.has(directory, sha256):
                with self.temporary(directory) as staged:
                    self._disk.write(staged, data, directory.mode)
                    self._disk.rename(staged, self.path(directory, sha256))
            self._fresh.add(sha256)
        return sha256

    def adopt(self, directory: Directory, path: Path, sha256: str) -> None:
        """Store a file of `receive` that a child process has written.

        Raises VolumeError, and removes the file, if its SHA-256 is another.
        """
        with self.lock:
            state = self.digests.find(path)
            if state is None or state.sha256 != sha256:
                with suppress(VolumeError):
                    self._disk.remove(path)
                raise VolumeError("take", path, "it is not what it was said to be", errno.EBADMSG)
            if self.has(directory, sha256):
                self._disk.remove(path)
            else:
                self._prepare(directory)
                self._disk.settle(path, directory.mode)
                self._disk.rename(path, self.path(directory, sha256))
            self._fresh.add(sha256)

    def has(self, directory: Directory, sha256: str) -> bool:
        """Whether the content is stored and undamaged."""
        state = self.digests.find(self.path(directory, sha256))
        return state is not None and state.sha256 == sha256

    def path(self, directory: Directory, sha256: str) -> Path:
        """The path of the content, whether it is stored or not."""
        return self._own(directory, _BLOBS) / sha256

    def receive(self, directory: Directory) -> Received:
        """A new file for a child process to write, to be adopted or discarded after that."""
        self._prepare(directory)
        path = self._own(directory, _PULLS) / str(next(self._numbers))
        return Received(path, self._disk.create(path))

    def collect(self, keep: Collection[str]) -> None:
        """Remove the blobs that are neither in `keep` nor linked to an installed file.

        Blobs stored since the last collection stay: the caller may not know of them yet.
        """
        with self.lock:
            for directory in Directory:
                self._collect(directory, {*keep, *self._fresh})
            self._fresh.clear()

    def clear(self) -> None:
        """Remove the temporary files of a killed process; those that cannot be removed stay."""
        for directory in Directory:
            with suppress(VolumeError):
                self._prepare(directory)
                for name in (_STAGED, _PULLS):
                    self._disk.clear_directory(self._root / directory.value, SUBDIRECTORY, name)

    @contextmanager
    def temporary(self, directory: Directory) -> Iterator[Path]:
        """A path for one new file in the directory's volume; an error removes the file."""
        self._prepare(directory)
        path = self._own(directory, _STAGED) / str(next(self._numbers))
        try:
            yield path
        except BaseException:
            self.discard(path)
            raise

    def discard(self, path: Path) -> None:
        """Remove a file that is not needed any more; it stays if the disk refuses."""
        with suppress(VolumeError):
            self._disk.remove(path)

    def stage(self, file: File) -> Path:
        """Make the file under a temporary name, to be renamed into place.

        It is a hard link to the blob if the file system has these. It is a copy if the installed
        file is such a link already: to rename a file onto itself does nothing, and Falco would see
        no change.
        """
        blob = self.path(file.directory, file.sha256)
        with self.temporary(file.directory) as staged:
            shareable = _mode(blob) == file.mode and not _is_same(blob, self._root / file.path)
            if not (shareable and self._disk.link(blob, staged)):
                self._disk.copy(blob, staged, file.mode)
        return staged

    def _collect(self, directory: Directory, keep: Collection[str]) -> None:
        volume = self._root / directory.value
        with suppress(OSError):
            self._disk.remove_unlinked(volume, SUBDIRECTORY, _BLOBS, keep=keep)

    def _prepare(self, directory: Directory) -> None:
        volume, own = self._root / directory.value, self._own(directory)
        paths = (volume, own, own / _BLOBS, own / _STAGED, own / _PULLS)
        made = [self._disk.make_directory(path) for path in paths]
        if any(made):
            self._disk.sync(own)
            self._disk.sync(volume)

    def _own(self, directory: Directory, name: str = "") -> Path:
        return self._root / directory.value / SUBDIRECTORY / name


def _mode(path: Path) -> int:
    with reported("look at", path):
        return stat.S_IMODE(path.lstat().st_mode)


def _is_same(blob: Path, target: Path) -> bool:
    try:
        return blob.samefile(target)
    except FileNotFoundError:
        return False
