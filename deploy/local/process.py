"""Child processes that are ready once started, and that never outlive this process."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from deploy.local import guard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

POLL_SECONDS = 0.05
GUARD_SLACK_SECONDS = 5
LOG_LINES_SHOWN = 20

# Below the ranges from which Linux and macOS pick the local ports of outgoing connections. A client
# could take a port of those ranges while its server is stopped for a restart.
PORTS = range(20000, 30000)
PORT_ATTEMPTS = 5


class ProcessError(RuntimeError):
    """A process ended, or was not ready in time; the message ends with its last log lines."""


class PortTakenError(ProcessError):
    """A process could not listen, since its port is in use."""


def environment(home: Path) -> dict[str, str]:
    """The complete environment of the servers and of kubectl, without the user's configuration.

    KUBECONFIG, ETCD_*, REGISTRY_*, KWOK_* and files in the user's home would configure them.
    """
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "TZ") if name in os.environ}
    return {**kept, "HOME": str(home), "LC_ALL": "C"}


def free_port() -> int:
    """A TCP port of 127.0.0.1 on which nothing listens now; it is not reserved."""
    for port in random.sample(PORTS, k=len(PORTS)):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise ProcessError(f"no free port between {PORTS.start} and {PORTS.stop} on 127.0.0.1")


class Process:
    """A child process with a log file; it ends when this process ends, even if that is killed.

    `start` calls `ready` until it is true. Every start has the same command, hence the same ports.
    The file descriptors in `holds` stay open, in the child or its guard, until the child has ended.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        environment: Mapping[str, str],
        ready: Callable[[], bool] = lambda: True,
        holds: Sequence[int] = (),
        start_within: float = 120.0,
        stop_within: float = 10.0,
    ) -> None:
        self.name = name
        self.log = log
        self.pid: int | None = None
        self.exit_code: int | None = None
        self._command = [str(part) for part in command]
        self._environment = dict(environment)
        self._ready = ready
        self._holds = tuple(holds)
        self._start_within = start_within
        self._stop_within = stop_within
        self._guard: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def running(self) -> bool:
        """Whether the process was started and has not ended since."""
        return self._guard is not None and self._guard.poll() is None

    def start(self) -> None:
        """Start the process and wait until it is ready; else kill it and raise ProcessError."""
        self.launch()
        try:
            wait_until(self._ready, f"{self.name} is ready", self._start_within, needs=[self])
        except BaseException:
            self.kill()
            raise

    def launch(self) -> None:
        """Start the process, without waiting until it is ready."""
        if self.running:
            raise ProcessError(f"{self.name} runs already")
        self._reap()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        interpreter = [sys.executable, "-I", "-S", "-E", guard.__file__, str(self._stop_within)]
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            self._guard = subprocess.Popen(
                interpreter + self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                bufsize=0,
                env=self._environment,
                pass_fds=self._holds,
                start_new_session=True,  # Ctrl-C must reach only this process
            )
        assert self._guard.stdout is not None
        with self._guard.stdout as announcement:
            pid = announcement.readline()
        if not pid:
            self._reap()
            raise self.failure("could not be started")
        self.pid = int(pid)

    def stop(self) -> None:
        """Send SIGTERM and, after a deadline, SIGKILL; no error if the process has ended."""
        self.ask_to_stop()
        self._reap()

    def kill(self) -> None:
        """Send SIGKILL and wait for the end; no error if it has ended."""
        self._order(guard.KILL)
        self._reap()

    def restart(self) -> None:
        """Stop the process and start it again, on the same ports."""
        self.stop()
        self.start()

    def ask_to_stop(self) -> None:
        """Send SIGTERM without waiting; `stop` waits for the end."""
        self._order(guard.TERMINATE)

    def wait(self, seconds: float) -> bool:
        """Wait up to so many seconds; return whether it has ended, with `exit_code` set."""
        if self._guard is None:
            return True
        try:
            self.exit_code = self._guard.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def logged(self, text: str) -> bool:
        """Whether the log of this run has the text."""
        return text in self._log_of_this_run()

    def failure(self, what: str) -> ProcessError:
        """The error for this failure, with the last lines of this run's log."""
        taken = self.logged("address already in use") or self.logged("Address already in use")
        kind = PortTakenError if taken else ProcessError
        tail = "\n".join(self._log_of_this_run().splitlines()[-LOG_LINES_SHOWN:])
        return kind(f"{self.name} {what}; the end of {self.log}:\n{tail}")

    def _log_of_this_run(self) -> str:
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def _order(self, order: bytes) -> None:
        if self._guard is not None and self._guard.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # the child has ended by itself
                self._guard.stdin.write(order)

    def _reap(self) -> None:
        if self._guard is None:
            return
        if not self.wait(self._stop_within + GUARD_SLACK_SECONDS):
            self._guard.kill()
            self.exit_code = self._guard.wait()
        if self._guard.stdin is not None:
            self._guard.stdin.close()
        self._guard = None
        self.pid = None


def wait_until(
    condition: Callable[[], bool], what: str, seconds: float, *, needs: Iterable[Process] = ()
) -> None:
    """Wait until the condition is true.

    Raises:
        ProcessError: a process in `needs` has ended, or `seconds` have passed.
    """
    processes = list(needs)
    deadline = time.monotonic() + seconds
    while not condition():
        for process in processes:
            if not process.running:
                raise process.failure(f"ended before {what}")
        if time.monotonic() > deadline:
            why = f"after {seconds:.0f} s it is still not true that {what}"
            raise processes[0].failure(f"runs, but {why}") if processes else ProcessError(why)
        time.sleep(POLL_SECONDS)


def start_on_free_port(make: Callable[[int], Process]) -> tuple[Process, int]:
    """Start a process on a free port; if another process takes the port first, try the next."""
    for _ in range(PORT_ATTEMPTS - 1):
        port = free_port()
        process = make(port)
        with contextlib.suppress(PortTakenError):
            process.start()
            return process, port
    port = free_port()
    process = make(port)
    process.start()
    return process, port


def stop_all(processes: Iterable[Process]) -> None:
    """Send SIGTERM to all processes, then wait for the end of each."""
    stopping = list(processes)
    for process in stopping:
        process.ask_to_stop()
    for process in stopping:
        process.stop()
