"""The few things that are ever done to Falco's directories, each of them a step of its own."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_DIRECTORY_MODE = 0o755
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OLD = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
# What a file system answers that has no hard links, has no more for this file, or keeps them from
# who does not own it.
_NO_LINK = frozenset({errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS})


class VolumeError(OSError):
    """Something could not be done to the files of Falco; the text says what, where and why."""

    def __init__(self, what: str, path: Path, why: str, number: int | None = None) -> None:
        super().__init__(number, f"cannot {what}: {why}", str(path))
        self._text = f"cannot {what} {path}: {why}"

    def __str__(self) -> str:
        return self._text


@contextmanager
def reported(what: str, path: Path) -> Iterator[None]:
    """Turns what the system says into a VolumeError."""
    try:
        yield
    except VolumeError:
        raise
    except OSError as error:
        raise VolumeError(what, path, error.strerror or str(error), error.errno) from error


class Disk:
    """No method follows a symlink, or shows anybody half of what it does under a final name.

    Raises VolumeError throughout.
    """

    @contextmanager
    def step(self, what: str, path: Path) -> Iterator[None]:
        """Surrounds everything that changes something on disk."""
        with reported(what, path):
            yield

    def make_directory(self, path: Path) -> bool:
        """Make a directory that everybody may read; False if it is there already."""
        with reported("use", path), suppress(FileNotFoundError):
            if not stat.S_ISDIR(path.lstat().st_mode):
                raise VolumeError("use", path, "it is no directory", errno.ENOTDIR)
            return False
        with self.step("make", path):
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(_DIRECTORY_MODE)
        return True

    def clear_directory(self, path: Path) -> None:
        """Remove whatever is in a directory."""
        with self.step("clear", path):
            for leftover in path.iterdir():
                if leftover.is_dir() and not leftover.is_symlink():
                    shutil.rmtree(leftover)
                else:
                    leftover.unlink()

    def write(self, path: Path, data: bytes, mode: int) -> None:
        """Make a new file with this content, which is on disk when this returns."""
        self._make("write", path, mode, lambda file: file.write(data))

    def copy(self, source: Path, target: Path, mode: int) -> None:
        """Make a new file with the content of another, which is on disk when this returns."""
        with reported("read", source), _opened(source) as original:
            self._make("copy", target, mode, lambda file: shutil.copyfileobj(original, file))

    def settle(self, path: Path, mode: int) -> None:
        """Give somebody else's finished file its permissions, and see to it that it is on disk."""
        with self.step("sync", path), _opened(path) as file:
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())

    def link(self, source: Path, target: Path) -> bool:
        """Give a file another name; False where it cannot have one."""
        with self.step("link", target):
            try:
                os.link(source, target, follow_symlinks=False)
            except OSError as error:
                if error.errno not in _NO_LINK:
                    raise
                return False
        return True

    def rename(self, source: Path, target: Path) -> None:
        """Put a file in place of another, or where there was none."""
        with self.step("rename", target):
            source.rename(target)

    def remove(self, path: Path) -> None:
        """Remove a file, if it is there."""
        with self.step("remove", path):
            path.unlink(missing_ok=True)

    def sync(self, directory: Path) -> None:
        """See to it that what was renamed and removed in a directory is so on disk."""
        with self.step("sync", directory):
            descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _make(self, what: str, path: Path, mode: int, fill: Callable[[IO[bytes]], object]) -> None:
        with self.step(what, path), os.fdopen(os.open(path, _NEW, 0o600), "wb") as file:
            fill(file)
            file.flush()
            os.fchmod(file.fileno(), mode)
            with self.step("sync", path):
                os.fsync(file.fileno())


def _opened(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, _OLD), "rb")
