"""SHA-256 digests of files, remembered as long as a file is unchanged."""

from __future__ import annotations

import hashlib
import stat
import time
from typing import TYPE_CHECKING, NamedTuple

from sidecar.volume.disk import regular_file, reported

if TYPE_CHECKING:
    import os
    from pathlib import Path

# More files than a node has; beyond that number all are forgotten.
_MOST_REMEMBERED = 4096
# Nanoseconds within which two writes may get the same time of change.
_TICK = 100_000_000
# No file that the sidecar has installed is larger: it is the most that --max-plugin-size allows.
_MOST_BYTES = 4 << 30
_CHUNK = 1 << 20


class FileState(NamedTuple):
    """A regular file: its permissions, and its digest, which is empty if it cannot be read."""

    sha256: str
    mode: int


class FileDigests:
    """Reads a file again only if its inode, size, modification time or time of change has changed.

    Who may write a file may set its modification time, but not its time of change. A file that was
    changed only just now is always read again.
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
        is_readable = status.st_size <= _MOST_BYTES
        digest = self._digest(path, status) if is_readable else ""
        return FileState(digest, stat.S_IMODE(status.st_mode))

    def _digest(self, path: Path, status: os.stat_result) -> str:
        inode, times = (status.st_dev, status.st_ino), (status.st_mtime_ns, status.st_ctime_ns)
        identity = (*inode, status.st_size, *times)
        if identity in self._known:
            return self._known[identity]
        is_old = status.st_ctime_ns < time.time_ns() - _TICK
        digest = _read(path)
        if is_old:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            self._known[identity] = digest
        return digest


def _read(path: Path) -> str:
    digest, left = hashlib.sha256(), _MOST_BYTES
    try:
        with regular_file(path) as file:
            while left >= 0 and (chunk := file.read(_CHUNK)):
                digest.update(chunk)
                left -= len(chunk)
    except OSError:
        return ""
    return digest.hexdigest() if left >= 0 else ""
