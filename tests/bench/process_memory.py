"""The memory of a process, as the kernel counts it."""

import time
from pathlib import Path

import psutil

_RESET_PEAK = "5"  # of Linux, proc(5), clear_refs
# An idle connection is closed after 15 s, and free memory is given back within 10 s.
QUIET = 30


def rss(pid):
    """KiB that are resident now."""
    return psutil.Process(pid).memory_info().rss / 1024


def peak(pid):
    """The most KiB that were resident since the start, or since the last reset."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


def reset_peak(pid):
    """Count the peak from now on."""
    Path(f"/proc/{pid}/clear_refs").write_text(_RESET_PEAK)


def settled(pid, within=120):
    """KiB that are resident once that has not changed for QUIET seconds, or in the end."""
    sizes = [rss(pid)]
    deadline = time.monotonic() + within
    while len(set(sizes[-QUIET:])) > 1 or len(sizes) < QUIET:
        time.sleep(1)  # the time in which nothing changes
        sizes.append(rss(pid))
        if time.monotonic() > deadline:
            break
    return sizes[-1]
