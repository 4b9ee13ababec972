"""What happens in the directories of a node that Falco watches, as the kernel tells it."""

import ctypes
import os
import struct

from resources.node.files import Directory

_WORDS = {0x80: "came", 0x200: "went", 0x8: "was written"}  # inotify(7): moved to, delete, closed
_FLAGS = os.O_NONBLOCK | os.O_CLOEXEC
_HEAD = struct.Struct("iIII")


class FileHistory:
    """While in the context; files in subdirectories are none of it."""

    def __init__(self, root):
        self._root = root
        self._directories: dict[int, Directory] = {}
        self._told: list[tuple[str, str]] = []

    def __enter__(self):
        library = ctypes.CDLL(None, use_errno=True)
        self._queue = library.inotify_init1(_FLAGS)
        for directory in Directory:
            path = os.fsencode(self._root / directory.value)
            watch = library.inotify_add_watch(self._queue, path, sum(_WORDS))
            assert watch > 0, os.strerror(ctypes.get_errno())
            self._directories[watch] = directory
        return self

    def __exit__(self, *_):
        os.close(self._queue)

    @property
    def told(self):
        """What happened so far in its order, as in ("came", "etc/falco/rules.d/a.yaml")."""
        try:
            while data := os.read(self._queue, 1 << 16):
                self._take(data)
        except BlockingIOError:
            pass
        return self._told

    def _take(self, data):
        while data:
            watch, mask, _, length = _HEAD.unpack_from(data)
            end = _HEAD.size + length
            name = data[_HEAD.size : end].rstrip(b"\0").decode()
            word = next(word for bit, word in _WORDS.items() if mask & bit)
            self._told.append((word, f"{self._directories[watch].value}/{name}"))
            data = data[end:]
