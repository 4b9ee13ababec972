"""The child process that checks the artifacts of a node; what is costly it imports under limits."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from actors.runtime.child_process import serve
from resources.check.check_request import CheckRequest

if TYPE_CHECKING:
    from resources.check.check_request import Verdict


def answer(request: CheckRequest) -> Verdict:
    """The verdict on the slots of a request."""
    from resources.check import exact, verdict  # noqa: PLC0415 - after the limits hold

    if request.falco is None:
        return verdict.check(request.slots, request.context, _read)
    from sidecar.check.dry_run import DryRuns  # noqa: PLC0415 - as above

    # A child that was killed has left its directory, and the volume has a limit.
    prefix = f"falco-{os.getppid()}-"
    for left in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as work:
        runs = DryRuns(request.falco, request.context, Path(work))
        found = exact.check(request.slots, request.context, _read, runs.ask)
        return replace(found, dry_runs=runs.count)


def _read(path: str) -> bytes:
    """The file, or as much of it as shows that it is too large."""
    from resources.text.limits import MAX_BYTES  # noqa: PLC0415 - after the limits hold
    from sidecar.volume.disk import regular_file  # noqa: PLC0415 - as above

    with regular_file(path) as file:
        return file.read(MAX_BYTES + 1)


if __name__ == "__main__":
    serve(CheckRequest, answer)
