"""How much memory a process and the children that it starts come to hold together."""

import threading
from contextlib import suppress
from pathlib import Path

MEGABYTE = 1 << 20
_PERIOD = 0.005
_RESET_PEAK = "5"  # of Linux, proc(5), clear_refs


class PeakMemory:
    """While in the context; in bytes above what the process held at its start.

    The kernel keeps each process's own peak, so little depends on when it is looked at.
    """

    def __init__(self, pid):
        self._process = Path(f"/proc/{pid}")
        self._list_of_children = self._process / "task" / str(pid) / "children"
        self._over = threading.Event()
        self._watching = threading.Thread(target=self._watch, daemon=True)
        self._before = 0
        self._of_children = 0
        self.children: set[str] = set()
        """Children that there were."""

    def __enter__(self):
        (self._process / "clear_refs").write_text(_RESET_PEAK)
        self._before = _peak(self._process)
        self._watching.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._watching.join()

    @property
    def bytes(self):
        return _peak(self._process) - self._before + self._of_children

    def _watch(self):
        while not self._over.wait(_PERIOD):
            children = self._list_of_children.read_text().split()
            self.children.update(children)
            together = sum(_peak(Path(f"/proc/{child}")) for child in children)
            self._of_children = max(self._of_children, together)


def _peak(process):
    """Of a process, none if it has ended."""
    with suppress(OSError):
        for line in (process / "status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0
