"""A memory limit as the kubelet sets it: that of a cgroup."""

import os
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from uuid import uuid4

from deploy.local.node.enclosure import hierarchies

_PERIOD = 0.005


class MemoryLimit:
    """While in the context there is the cgroup; what is started within `entered` is in it."""

    def __init__(self, limit):
        found = [path for path in hierarchies() if _limit_file(path / "x") is not None]
        self._home = found[0] if found else Path("/nonexistent")
        self.limit = limit
        self.most_private = 0
        """Of all processes together, in bytes: what the kernel cannot take back."""

    @property
    def is_possible(self):
        return os.access(self._home, os.W_OK)

    def __enter__(self):
        self._folder = self._home / f"falco-sidecar-{uuid4().hex[:8]}"
        self._folder.mkdir()
        (self._folder / _limit_file(self._folder)).write_text(str(self.limit))
        self._over = Event()
        self._watching = Thread(target=self._watch, daemon=True)
        self._watching.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._watching.join()
        self._folder.rmdir()

    @contextmanager
    def entered(self):
        """This process is there, and so is whoever it starts."""
        before = _own(self._home)
        (self._folder / "cgroup.procs").write_text(str(os.getpid()))
        try:
            yield
        finally:
            (before / "cgroup.procs").write_text(str(os.getpid()))

    @property
    def kills(self):
        """How many processes were killed for memory."""
        for name in ("memory.oom_control", "memory.events"):
            if (self._folder / name).exists():
                return _numbers(self._folder / name)["oom_kill"]
        raise AssertionError("no cgroup counts them")

    def _watch(self):
        while not self._over.wait(_PERIOD):
            numbers = _numbers(self._folder / "memory.stat")
            private = numbers.get("total_rss", numbers.get("anon", 0))
            self.most_private = max(self.most_private, private)


def _limit_file(folder):
    names = ("memory.limit_in_bytes", "memory.max")
    if folder.name == "x":
        folder = folder.parent
        is_there = (folder / "memory.limit_in_bytes").exists() or "memory" in _controllers(folder)
        return names[0] if is_there else None
    return next(name for name in names if (folder / name).exists())


def _controllers(folder):
    path = folder / "cgroup.subtree_control"
    return path.read_text().split() if path.exists() else ()


def _numbers(path):
    pairs = (line.split() for line in path.read_text().splitlines())
    return {name: int(number) for name, number in pairs if number.isdigit()}


def _own(home):
    """The cgroup of this process in a hierarchy."""
    is_first = (home / "memory.limit_in_bytes").exists()
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        if (names == "memory") if is_first else (names == ""):
            return home / path.removeprefix("/")
    raise AssertionError("this process is in no cgroup")
