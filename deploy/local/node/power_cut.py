"""What a power cut takes from a node: its processes, and what it has mounted."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_POLL_SECONDS = 0.05


def end_containers(shim: Path) -> None:
    """Kill the processes of all containers, and the shims that would notice."""
    # A shim that ends later than its container would still clean up.
    for processes in (partial(_of_program, shim), _of_containers):
        while pids := list(processes()):
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(_POLL_SECONDS)


def unmount_below(folder: Path) -> None:
    """Unmount all that is mounted below the folder, at once for whoever looks."""
    lines = Path("/proc/self/mounts").read_text().splitlines()
    for mounted in reversed([line.split()[1] for line in lines]):
        if Path(mounted).is_relative_to(folder):
            subprocess.run(["umount", "--lazy", mounted], check=True)


def _of_program(program: Path) -> Iterator[int]:
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended
            if (process / "exe").readlink() == program:
                yield int(process.name)


def _of_containers() -> Iterator[int]:
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            is_zombie = ") Z " in (process / "stat").read_text()
            if "/kubepods/" in (process / "cgroup").read_text() and not is_zombie:
                yield int(process.name)
