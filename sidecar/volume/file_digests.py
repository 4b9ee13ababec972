"""SHA-256 digests of files, remembered as long as a file is unchanged."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from typing import TYPE_CHECKING, NamedTuple

from sidecar.volume.disk import reported

if TYPE_CHECKING:
    from pathlib import Path

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
# More files than a node has; beyond that number all are forgotten.
_MOST_REMEMBERED = 4096
# Nanoseconds within which two writes may get the same modification time.
_TICK = 100_000_000


class FileState(NamedTuple):
    """A regular file: its digest, empty if it cannot be read, and its permissions."""

    sha256: str
    mode: int


class FileDigests:
    """Reads a file again only if its inode, size or modification time has changed.

    A file that was written only just now is always read again.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int, ...], str] = {}

    def find(self, path: Path) -> FileState | None:
        """The state of a regular file; None if there is none at this path."""
        with reported("look at", path):
            try:
                status = path.lstat()
            except (FileNotFoundError, NotADirectoryError):
                return None
        if not stat.S_ISREG(status.st_mode):
            return None
        return FileState(self._digest(path, status), stat.S_IMODE(status.st_mode))

    def _digest(self, path: Path, status: os.stat_result) -> str:
        identity = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        if identity in self._known:
            return self._known[identity]
        is_old = status.st_mtime_ns < time.time_ns() - _TICK
        digest = _read(path)
        if is_old:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            self._known[identity] = digest
        return digest


def _read(path: Path) -> str:
    try:
        with os.fdopen(os.open(path, _READ), "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
