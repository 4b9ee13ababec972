"""The child process that checks the artifacts of a node; what is costly it imports under limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.runtime.child_process import serve
from resources.node.check_request import CheckRequest

if TYPE_CHECKING:
    from resources.node.check_request import Verdict


def answer(request: CheckRequest) -> Verdict:
    """The verdict on the slots of a request."""
    from resources.node.verdict import check  # noqa: PLC0415 - after the limits hold

    return check(request.slots, request.context, _read)


def _read(path: str) -> bytes:
    """The file, or as much of it as shows that it is too large."""
    from resources.text.limits import MAX_BYTES  # noqa: PLC0415 - after the limits hold
    from sidecar.volume.disk import regular_file  # noqa: PLC0415 - as above

    with regular_file(path) as file:
        return file.read(MAX_BYTES + 1)


if __name__ == "__main__":
    serve(CheckRequest, answer)
