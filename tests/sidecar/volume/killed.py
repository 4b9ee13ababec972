"""A process that is killed at any one step that it does on disk, and disks that are watched."""

import os
import signal
import sys
import traceback
from contextlib import contextmanager

from sidecar.volume.disk import Disk


class WatchedDisk(Disk):
    """Tells of every step before it is done, and of a file that is half written."""

    def __init__(self, watch):
        self.watch = watch

    @contextmanager
    def step(self, what, path):
        self.watch(what, path)
        with super().step(what, path):
            yield

    def write(self, path, data, mode):
        def fill(file):
            file.write(data[: len(data) // 2])
            file.flush()
            self.watch("write half of", path)
            file.write(data[len(data) // 2 :])

        self._make("write", path, mode, fill)


class Trace(list):
    """The steps that were done, as (what, path)."""

    def __call__(self, what, path):
        self.append((what, str(path)))


def steps(work):
    """All the steps of `work(disk)`: before each of them it can be killed."""
    trace = Trace()
    work(WatchedDisk(trace))
    return trace


def killed_at(number, work):
    """Run `work(disk)` in a process that kills itself before this step, counted from 0."""

    def count_down(_what, _path):
        nonlocal number
        if number == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        number -= 1

    status = run(lambda: work(WatchedDisk(count_down)))
    assert os.WIFSIGNALED(status), "it did not get that far"
    assert os.WTERMSIG(status) == signal.SIGKILL


def run(work):
    """Run `work` in a process of its own; return how it ended."""
    return os.waitpid(start(work), 0)[1]


def start(work):
    """Run `work` in a process of its own; return its id."""
    pid = os.fork()
    if pid:
        return pid
    try:
        work()
    except BaseException:  # noqa: BLE001 - nothing of pytest may run on in here
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)
