"""What every process tells of itself on the page of its actors."""

from __future__ import annotations

import platform
import resource
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from actors.watch.watcher import Watcher
from supervisors.debug.facts import Section
from supervisors.debug.members import parts
from supervisors.process.settings import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from actors.runtime.context import Runtime
    from supervisors.debug.facts import Facts
    from supervisors.process.lookout import Lags
    from supervisors.process.metrics import Metrics
    from supervisors.tree.stopping import Superior

_STATM = Path("/proc/self/statm")


def overview(
    runtime: Runtime,
    metrics: Metrics,
    lags: Lags,
    remark: Callable[[], str | None],
    roots: Callable[[], Sequence[Superior]],
) -> tuple[Section, Section]:
    """The process as such, which begins now, and its watches."""
    clock = runtime.clock
    since = clock.monotonic()

    def wall(monotonic: float | None) -> datetime | None:
        """This moment by the wall clock of now, which may have been set since."""
        if monotonic is None:
            return None
        ago = timedelta(seconds=clock.monotonic() - monotonic)
        return (clock.now() - ago).replace(microsecond=0)

    def process() -> Facts:
        at, error = metrics.last_error or (None, None)
        return {
            "version": VERSION,
            "Python": platform.python_version(),
            "up since": wall(since),
            "loop lag of the last minute, ms": round(lags.longest(clock.monotonic()) * 1000),
            "RSS, MiB": _resident(),
            "to be mended": remark(),
            "last API error": error,
            "last API error at": wall(at),
        }

    def watches() -> list[Facts]:
        found = (part.member.actor for part in parts(roots()))
        return [watch(actor) for actor in found if isinstance(actor, Watcher)]

    def watch(watcher: Watcher) -> Facts:
        kind = watcher.source.kind
        opened, heard = metrics.stream(kind)
        return {
            "kind": kind,
            "state": type(watcher.state).__name__.lower(),
            "resource version": watcher.store.revision(kind),
            "last event or bookmark": wall(heard),
            "reconnects": max(0, opened - 1),
            "failures in a row": watcher.failures,
            "last error": watcher.last_error,
        }

    return Section("process", process), Section("watches", watches)


def _resident() -> float | None:
    """The MiB of this process in memory; None where Linux does not tell."""
    if not _STATM.exists():
        return None
    return round(int(_STATM.read_text().split()[1]) * resource.getpagesize() / 2**20, 1)
