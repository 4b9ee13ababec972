"""The process that checks the artifacts of a node."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from actors.runtime.child_process import serve
from sidecar.check.process import CheckRequest

if TYPE_CHECKING:
    from resources.node.slots import Verdict


def answer(request: CheckRequest) -> Verdict:
    """Check what the request names."""
    from resources.node.verdict import check  # noqa: PLC0415 - after the limits hold

    return check(request.slots, request.context, _read)


def _read(path: str) -> bytes:
    """The file, or as much of it as is needed to see that it is too large."""
    from resources.text.limits import MAX_BYTES  # noqa: PLC0415 - after the limits hold

    with Path(path).open("rb") as file:
        return file.read(MAX_BYTES + 1)


if __name__ == "__main__":
    serve(CheckRequest, answer)
