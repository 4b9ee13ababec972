"""Runs one child process that never outlives the parent, not even a parent that is killed.

The parent starts this file with `python -I -S -E guard.py <seconds> <command…>` and holds the write
end of a pipe, which is the guard's standard input. The kernel closes the pipe when the parent ends,
even if it is killed. Then the child's process group gets SIGTERM, and two seconds later SIGKILL.
While the parent lives, it may write orders to the pipe: a byte 15 sends SIGTERM to the child's
group, and SIGKILL after `seconds`; so does a SIGTERM to the guard. A byte 9 sends SIGKILL at once.
If the guard itself is killed, Linux kills the child (PR_SET_PDEATHSIG).

The guard's first line on standard output is the child's process id; all output of the child goes to
the guard's standard error. The guard exits with the child's code, or 128 + the number of the signal
that ended it, and leaves no process of the child's group running.

It imports only the standard library, so that it starts in milliseconds.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import selectors
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PR_SET_PDEATHSIG = 1
STANDARD_INPUT, STANDARD_ERROR = 0, 2
TERMINATE, KILL = bytes([signal.SIGTERM]), bytes([signal.SIGKILL])

# Without a parent, no one needs an orderly end, and some servers wait long for other servers that
# end at the same time.
ABANDONED_SECONDS = 2.0


def die_with(guard: int) -> Callable[[], None]:
    """The function that the child runs before its program, so that it dies with the guard."""
    if not sys.platform.startswith("linux"):
        return lambda: None
    prctl = ctypes.CDLL(None).prctl

    def ask_kernel() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != guard:  # the guard died between the fork and the call above
            os._exit(1)

    return ask_kernel


def start(command: list[str]) -> subprocess.Popen[bytes]:
    """Start the child as leader of its own process group, and print its id."""
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=STANDARD_ERROR,
        process_group=0,
        preexec_fn=die_with(os.getpid()),  # noqa: PLW1509 - the guard has no threads
    )
    with contextlib.suppress(BrokenPipeError):  # the parent has ended: `watch` notices that too
        print(child.pid, flush=True)
    return child


def signals_as_orders() -> int:
    """A file descriptor from which the numbers of received signals can be read."""
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)  # without a handler, no number is written
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    return readable


def send(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send the signal to all processes that are left of the child's group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


def watch(child: subprocess.Popen[bytes], signals: int, patience: float) -> int:
    """Carry out orders until the child has ended, and return its exit code."""
    selector = selectors.DefaultSelector()
    selector.register(STANDARD_INPUT, selectors.EVENT_READ)
    selector.register(signals, selectors.EVENT_READ)
    kill_at = math.inf
    while child.poll() is None:
        remaining = kill_at - time.monotonic()
        if remaining <= 0:
            send(child, signal.SIGKILL)
        for key, _ in selector.select(remaining if 0 < remaining < math.inf else None):
            order = os.read(key.fd, 64)
            abandoned = key.fd == STANDARD_INPUT and not order
            if abandoned:
                selector.unregister(STANDARD_INPUT)
            if KILL in order:
                send(child, signal.SIGKILL)
            elif abandoned or TERMINATE in order:
                if kill_at == math.inf:  # a second SIGTERM makes Kubernetes servers exit at once
                    send(child, signal.SIGTERM)
                seconds = ABANDONED_SECONDS if abandoned else patience
                kill_at = min(kill_at, time.monotonic() + seconds)
    return child.returncode


def main(patience: str, *command: str) -> int:
    """Run the command, and return the exit code for the parent."""
    signals = signals_as_orders()
    child = start(list(command))
    code = watch(child, signals, float(patience))
    send(child, signal.SIGKILL)  # processes that the child has left in its group
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
