"""Where a control plane keeps its files."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploy.local.identities import ADMINISTRATOR

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class DirectoryInUseError(RuntimeError):
    """Another live control plane keeps its files in the directory."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths under one directory; all but `lock` are of one run only."""

    directory: Path

    @property
    def lock(self) -> Path:
        """Locked for as long as any process of a control plane uses the directory."""
        return self.directory / "lock"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.directory / "kubeconfig"

    @property
    def audit_log(self) -> Path:
        """One JSON object per request that the API server completed."""
        return self.directory / "audit.log"

    @property
    def audit_policy(self) -> Path:
        """What goes into the audit log."""
        return self.state / "audit-policy.yaml"

    @property
    def state(self) -> Path:
        """Whatever is needed by the processes only."""
        return self.directory / "control-plane"

    @property
    def keys(self) -> Path:
        """The CA's certificate, and the key pairs that it signed."""
        return self.state / "pki"

    @property
    def home(self) -> Path:
        """The processes' HOME: they find no configuration there, and keep their caches there."""
        return self.state / "home"

    def kubeconfig_of(self, user: str) -> Path:
        """The kubeconfig of the administrator, or of one of the processes."""
        if user == ADMINISTRATOR:
            return self.kubeconfig
        return self.state / f"{user.replace(':', '-')}.kubeconfig"

    def log(self, process: str) -> Path:
        """The output of one process."""
        return self.state / "logs" / f"{process}.log"

    def wipe(self) -> None:
        """Nothing of an earlier run is left, and the folders of the next are there."""
        for file in (self.kubeconfig, self.audit_log):
            file.unlink(missing_ok=True)
        if self.state.exists():
            shutil.rmtree(self.state)
        for folder in (self.keys, self.home, self.log("any").parent):
            folder.mkdir(parents=True, mode=0o700)

    def forget_kubectl_cache(self) -> None:
        """The next kubectl asks for everything anew."""
        shutil.rmtree(self.home / ".kube", ignore_errors=True)

    @contextlib.contextmanager
    def claimed(self) -> Iterator[int]:
        """The directory exists and is ours alone; DirectoryInUseError if another run has it.

        The descriptor is the claim: it holds for as long as any process has it open. After a run
        that was killed, this waits for the processes that have got it from there.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        with self.lock.open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                if _is_alive(owner := lock.read().strip()):
                    what = f"another control plane, of process {owner}, runs in {self.directory}"
                    raise DirectoryInUseError(what) from None
                fcntl.flock(lock, fcntl.LOCK_EX)
            lock.truncate(0)
            print(os.getpid(), file=lock, flush=True)
            yield lock.fileno()


def _is_alive(owner: str) -> bool:
    """Whether there is a process of this id; so it is assumed while the id is being written."""
    try:
        os.kill(int(owner), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, ValueError):
        return True
    return True
