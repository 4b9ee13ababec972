"""The steps on disk of which every change of Falco's directories consists.

Falco runs as root and reads hostile events, so whatever is in its volumes may be hostile too.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from contextlib import AbstractContextManager

SUBDIRECTORY = ".artifact-operator"
"""In each volume: what is the sidecar's own, and what is about to be Falco's."""
_DIRECTORY_MODE = 0o755
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# Nobody but a stranger makes directories where ours have files only.
_DEEPEST = 16
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OLD = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
# Errors of a file system that has no hard links, has reached its limit for this file, or refuses
# them to a user who does not own the file.
_NO_LINK = frozenset({errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS})


class VolumeError(OSError):
    """A step on disk failed; the text names the step, the path and the reason."""

    def __init__(self, what: str, path: Path, why: str, number: int | None = None) -> None:
        super().__init__(number, f"cannot {what}: {why}", str(path))
        self._text = f"cannot {what} {path}: {why}"

    def __str__(self) -> str:
        return self._text


@contextmanager
def reported(what: str, path: Path) -> Iterator[None]:
    """Turns an OSError into a VolumeError that names the step and the path."""
    try:
        yield
    except VolumeError:
        raise
    except OSError as error:
        raise VolumeError(what, path, error.strerror or str(error), error.errno) from error


class Disk:
    """No method writes where a link leads, or leaves half a file under its final name.

    Whoever runs as Falco can put a link in place of a directory at any moment. So a change is made
    in a directory that was opened before, from the volume on without a link.

    Every method raises VolumeError.
    """

    @contextmanager
    def step(self, what: str, path: Path) -> Iterator[None]:
        """The context of every change on disk; tests fail or kill the process in it."""
        with reported(what, path):
            yield

    def make_directory(self, path: Path) -> bool:
        """Make a directory that every user may read; False if it exists already."""
        with reported("use", path), suppress(FileNotFoundError):
            if not stat.S_ISDIR(path.lstat().st_mode):
                raise VolumeError("use", path, "it is no directory", errno.ENOTDIR)
            return False
        with self.step("make", path):
            if SUBDIRECTORY not in path.parts:
                path.parent.mkdir(parents=True, exist_ok=True)
            with _folder_of(path) as folder:
                with suppress(FileExistsError):
                    os.mkdir(path.name, dir_fd=folder)
                made = os.open(path.name, _FOLDER, dir_fd=folder)
                try:
                    os.fchmod(made, _DIRECTORY_MODE)
                finally:
                    os.close(made)
        return True

    def clear_directory(self, volume: Path, *names: str) -> None:
        """Remove everything in the directory that these names lead to from the volume."""
        path = volume.joinpath(*names)
        with self.step("clear", path), opened_directory(volume, *names) as directory:
            _empty(directory, _DEEPEST)

    def remove_unlinked(self, volume: Path, *names: str, keep: Collection[str]) -> None:
        """Remove the files of such a directory that are not in `keep` and have no other name."""
        path = volume.joinpath(*names)
        with opened_directory(volume, *names) as directory:
            for name in os.listdir(directory):  # noqa: PTH208 - of a descriptor
                status = os.stat(name, dir_fd=directory, follow_symlinks=False)
                if name not in keep and status.st_nlink == 1:
                    with self.step("remove", path / name):
                        os.unlink(name, dir_fd=directory)

    def write(self, path: Path, data: bytes, mode: int) -> None:
        """Make a new file with this content and sync it to disk."""
        self._make("write", path, mode, lambda file: file.write(data))

    def create(self, path: Path) -> IO[bytes]:
        """Make a new, empty file that nobody else may read, open to be written by a child."""
        with self.step("make", path), _folder_of(path) as folder:
            return os.fdopen(os.open(path.name, _NEW, 0o600, dir_fd=folder), "wb")

    def copy(self, source: Path, target: Path, mode: int) -> None:
        """Make a new file with the content of another and sync it to disk."""
        with (
            reported("read", source),
            _folder_of(source) as folder,
            regular_file(source.name, folder) as original,
        ):
            self._make("copy", target, mode, lambda file: shutil.copyfileobj(original, file))

    def settle(self, path: Path, mode: int) -> None:
        """Set the permissions of a file that a child process has written, and sync it to disk."""
        with (
            self.step("sync", path),
            _folder_of(path) as folder,
            regular_file(path.name, folder) as file,
        ):
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())

    def link(self, source: Path, target: Path) -> bool:
        """Make a hard link; False if the file system or the owner does not allow it."""
        with self.step("link", target), _folder_of(source) as old, _folder_of(target) as new:
            try:
                os.link(
                    source.name,
                    target.name,
                    src_dir_fd=old,
                    dst_dir_fd=new,
                    follow_symlinks=False,
                )
            except OSError as error:
                if error.errno not in _NO_LINK:
                    raise
                return False
        return True

    def rename(self, source: Path, target: Path) -> None:
        """Rename a file, in place of another if there is one."""
        with self.step("rename", target), _folder_of(source) as old, _folder_of(target) as new:
            os.rename(source.name, target.name, src_dir_fd=old, dst_dir_fd=new)

    def remove(self, path: Path) -> None:
        """Remove a file if it exists."""
        with self.step("remove", path), suppress(FileNotFoundError), _folder_of(path) as folder:
            os.unlink(path.name, dir_fd=folder)

    def sync(self, directory: Path) -> None:
        """Sync the names in a directory to disk, as they are after renames and removals."""
        with self.step("sync", directory):
            descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _make(self, what: str, path: Path, mode: int, fill: Callable[[IO[bytes]], object]) -> None:
        with (
            self.step(what, path),
            _folder_of(path) as folder,
            os.fdopen(os.open(path.name, _NEW, 0o600, dir_fd=folder), "wb") as file,
        ):
            fill(file)
            file.flush()
            os.fchmod(file.fileno(), mode)
            with self.step("sync", path):
                os.fsync(file.fileno())


def _empty(directory: int, depth: int) -> None:
    """Remove what is in a directory; unlike shutil.rmtree it never waits for who opens a pipe."""
    for name in os.listdir(directory):
        if not stat.S_ISDIR(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
            os.unlink(name, dir_fd=directory)
            continue
        if not depth:
            raise OSError(errno.ELOOP, "directories nest too deep", name)
        below = os.open(name, _FOLDER, dir_fd=directory)
        try:
            _empty(below, depth - 1)
        finally:
            os.close(below)
        os.rmdir(name, dir_fd=directory)


@contextmanager
def opened_directory(volume: Path, *names: str) -> Iterator[int]:
    """The descriptor of a directory to which no link leads, whoever may change the volume."""
    descriptor = os.open(volume, _FOLDER)
    try:
        for name in names:
            below = os.open(name, _FOLDER, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


def _folder_of(path: Path) -> AbstractContextManager[int]:
    """The descriptor of the directory that a path is in; below its volume no link leads there."""
    parents = path.parent.parts
    at = parents.index(SUBDIRECTORY) if SUBDIRECTORY in parents else len(parents)
    return opened_directory(Path(*parents[:at]), *parents[at:])


def regular_file(path: Path | str, folder: int | None = None) -> IO[bytes]:
    """Open a regular file: whatever is at the path, the call neither blocks nor follows a link.

    `folder` is the descriptor of the directory that a relative path begins at.

    Raises:
        OSError: there is no regular file, or it cannot be opened.
    """
    descriptor = os.open(path, _OLD, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EBADMSG, "it is no regular file", str(path))
    return os.fdopen(descriptor, "rb")


def read_bounded(path: Path | str, most: int) -> bytes:
    """The content of a regular file of at most `most` bytes; raises OSError as `regular_file`."""
    with regular_file(path) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"it is larger than {most} bytes", str(path))
    return data
