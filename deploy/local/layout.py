"""The paths of the files of a control plane."""

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
    """The paths in one directory; all files but `lock` belong to one run only."""

    directory: Path

    @property
    def lock(self) -> Path:
        """The file that is locked as long as any process of a control plane uses the directory."""
        return self.directory / "lock"

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of the administrator."""
        return self.directory / "kubeconfig"

    @property
    def audit_log(self) -> Path:
        """The audit log of the API server."""
        return self.directory / "audit.log"

    @property
    def audit_policy(self) -> Path:
        """The audit policy: which requests are in the audit log."""
        return self.state / "audit-policy.yaml"

    @property
    def state(self) -> Path:
        """The folder of all files that only the processes need."""
        return self.directory / "control-plane"

    @property
    def keys(self) -> Path:
        """The folder of the CA's certificate and of the key pairs that it signed."""
        return self.state / "pki"

    @property
    def home(self) -> Path:
        """The HOME of the processes: without any configuration, and with their caches."""
        return self.state / "home"

    def kubeconfig_of(self, user: str) -> Path:
        """The kubeconfig of the administrator, or of one of the processes."""
        if user == ADMINISTRATOR:
            return self.kubeconfig
        return self.state / f"{user.replace(':', '-')}.kubeconfig"

    def log(self, process: str) -> Path:
        """The log of a process."""
        return self.state / "logs" / f"{process}.log"

    def wipe(self) -> None:
        """Remove all files of an earlier run, and create the folders of the next."""
        for file in (self.kubeconfig, self.audit_log):
            file.unlink(missing_ok=True)
        if self.state.exists():
            shutil.rmtree(self.state)
        for folder in (self.keys, self.home, self.log("any").parent):
            folder.mkdir(parents=True, mode=0o700)

    def forget_kubectl_cache(self) -> None:
        """Remove kubectl's cache of what the API server serves."""
        shutil.rmtree(self.home / ".kube", ignore_errors=True)

    @contextlib.contextmanager
    def claimed(self) -> Iterator[int]:
        """Create the directory and lock it for this run; yield the descriptor of the lock.

        The lock holds as long as any process has the descriptor open. After a run that was killed,
        this waits for processes that have inherited the descriptor from that run.

        Raises:
            DirectoryInUseError: another run holds the lock.
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
    """Whether a process with this id lives; true while the id is still being written."""
    try:
        os.kill(int(owner), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, ValueError):
        return True
    return True
