"""Runs one child process that never outlives the parent, not even a parent that is killed.

The parent starts this file with `python -I -S -E guard.py <seconds> <command…>` and holds the write
end of the pipe that is our standard input; the kernel closes it when the parent ends, however it
ends. Then the child's process group gets SIGTERM, and two seconds later SIGKILL. While the parent
lives, it may send orders down the pipe: a byte 15, as SIGTERM sent to us, gives the child's group
SIGTERM, and SIGKILL after `seconds`; a byte 9 gives it SIGKILL at once. Should this guard itself be
killed, Linux kills the child (PR_SET_PDEATHSIG).

Our first line on standard output is the child's process id; all output of the child goes to our
standard error. We exit with the child's code, or 128 + the signal that ended it, and leave nothing
of its process group running.

Stand-alone: standard library only, nothing of this project, so that it starts in milliseconds.
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

# Nobody waits for a good end any more, and some servers wait long for others that end as well.
ABANDONED_SECONDS = 2.0


def die_with(guard: int) -> Callable[[], None]:
    """What the child runs before its program: have the kernel kill it when this guard dies."""
    if not sys.platform.startswith("linux"):
        return lambda: None
    prctl = ctypes.CDLL(None).prctl

    def ask_kernel() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != guard:  # it died between the fork and the call above
            os._exit(1)

    return ask_kernel


def start(command: list[str]) -> subprocess.Popen[bytes]:
    """The running child, leader of a process group of its own, its id announced."""
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=STANDARD_ERROR,
        process_group=0,
        preexec_fn=die_with(os.getpid()),  # noqa: PLW1509 - we have no threads
    )
    with contextlib.suppress(BrokenPipeError):  # the parent is gone: `watch` will see it too
        print(child.pid, flush=True)
    return child


def signals_as_orders() -> int:
    """A file descriptor from which the numbers of signals that reach us are read."""
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)  # else there is nothing to write the number
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    return readable


def send(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """The signal has gone to whatever is left of the child's process group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


def watch(child: subprocess.Popen[bytes], signals: int, patience: float) -> int:
    """The child's exit code, once it ended by itself or on an order."""
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
                if kill_at == math.inf:  # a second SIGTERM makes Kubernetes servers drop everything
                    send(child, signal.SIGTERM)
                seconds = ABANDONED_SECONDS if abandoned else patience
                kill_at = min(kill_at, time.monotonic() + seconds)
    return child.returncode


def main(patience: str, *command: str) -> int:
    """The exit code for our own parent."""
    signals = signals_as_orders()
    child = start(list(command))
    code = watch(child, signals, float(patience))
    send(child, signal.SIGKILL)  # what the child left behind in its group
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
