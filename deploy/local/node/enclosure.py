"""Runs a command in namespaces and cgroups of its own, of which nothing is left when it ends.

The command sees its own processes, mounts, network and cgroups only. Its first process is `inside`,
the init process of the PID namespace: when that process ends, or this one, the kernel kills all
others, and with the last of them mounts and interfaces vanish. Only the cgroups have to be removed
then. If this process is killed, the next run removes them.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.local.guard import die_with

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# Set for the command: the id, on the machine, of the process that has made the enclosure.
VARIABLE = "FALCO_OPERATOR_ENCLOSED"

# linux/sched.h
CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

# Of CPU time, by the file of version 1 or 2: eight times that of one process. All processes of a
# node together would else get as much as each single one outside.
WEIGHTS = {"cpu.shares": 8 * 1024, "cpu.weight": 8 * 100}

_PREFIX = "falco-operator-node-"
_REMOVAL_SECONDS = 10.0
_POLL_SECONDS = 0.05


def is_inside() -> bool:
    """Whether this process runs in an enclosure."""
    return VARIABLE in os.environ


def run(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> int:
    """Run the command in an enclosure until it ends, and return its exit code.

    SIGTERM is passed on to the command. SIGINT is not: a terminal sends it to the command, too.
    """
    cgroups = Cgroups.make(f"{_PREFIX}{os.getpid()}")
    try:
        _unshare(CLONE_NEWPID)  # for the child only
        child = subprocess.Popen(
            [sys.executable, "-m", "deploy.local.node.inside", *command],
            env={**os.environ, **(environment or {}), VARIABLE: str(os.getpid())},
            preexec_fn=_enter(cgroups),  # noqa: PLW1509 - this process has no threads
        )
        signal.signal(signal.SIGINT, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        signal.signal(signal.SIGHUP, lambda *_: child.terminate())
        return child.wait()
    finally:
        cgroups.remove()


@dataclass(frozen=True, slots=True)
class Cgroups:
    """A new cgroup of one name in each hierarchy that is mounted on this machine."""

    folders: tuple[Path, ...]

    @classmethod
    def make(cls, name: str) -> Cgroups:
        """Make the cgroups, and remove those of earlier runs that were killed."""
        parents = [parent for parent in hierarchies() if os.access(parent, os.W_OK)]
        for parent in parents:
            for old in parent.glob(f"{_PREFIX}*"):
                if not Path("/proc", old.name.removeprefix(_PREFIX)).exists():
                    _remove(old)
        folders = tuple(parent / name for parent in parents)
        for folder in folders:
            folder.mkdir()
            for file, weight in WEIGHTS.items():
                if (folder / file).exists():
                    (folder / file).write_text(str(weight))
            for file in ("cpuset.cpus", "cpuset.mems"):  # version 1 leaves them empty
                own, inherited = folder / file, folder.parent / file
                if own.exists() and inherited.exists():
                    own.write_text(inherited.read_text())
        return cls(folders)

    def enter(self) -> None:
        """Move the calling process there."""
        for folder in self.folders:
            (folder / "cgroup.procs").write_text(str(os.getpid()))

    def remove(self) -> None:
        """Remove the cgroups once the last of their processes is gone."""
        deadline = time.monotonic() + _REMOVAL_SECONDS
        left = list(self.folders)
        while left := [folder for folder in left if not _remove(folder)]:
            if time.monotonic() > deadline:
                print(f"cgroups are left: {left}", file=sys.stderr)
                return
            time.sleep(_POLL_SECONDS)


def hierarchies() -> list[Path]:
    """The mount points of the cgroup hierarchies, of version 1 or 2."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        mount, _, source = line.partition(" - ")
        if source.split()[0] in ("cgroup", "cgroup2"):
            found.append(Path(mount.split()[4]))
    return list(dict.fromkeys(found))  # several mounts of one place are one


def _enter(cgroups: Cgroups) -> Callable[[], None]:
    """What the child does before its program: it leaves the machine's cgroups and namespaces."""
    kill_with_parent = die_with(0)  # the first process of a PID namespace sees no parent

    def enter() -> None:
        kill_with_parent()
        cgroups.enter()
        _unshare(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET)

    return enter


def _unshare(flags: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flags) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "unshare")


def _remove(folder: Path) -> bool:
    """Remove the cgroup and those below it; false if a process is still in one of them."""
    for root, _, _ in os.walk(folder, topdown=False):
        try:
            Path(root).rmdir()
        except FileNotFoundError:
            continue
        except OSError:
            return False
    return True
