"""Checks the artifacts of a node in a process of its own, so that hostile content costs us nothing.

The process has bounds for each file (resources.text.yaml_reader) and for all of them, so a file
that would cost too much is refused by name; its limits of memory and time are there for our
mistakes.
"""

from __future__ import annotations

import msgspec

from actors.runtime.child_process import MEGABYTE, WorkerFailed, run_worker
from resources.node.slots import Context, Slot, Verdict

MEMORY = 128 * MEGABYTE
SECONDS = 60.0


class CheckRequest(msgspec.Struct, frozen=True):
    """A whole node; what its slots name by path must not change while it is looked at."""

    slots: tuple[Slot, ...]
    context: Context


class CheckFailed(Exception):  # noqa: N818 - what it reports is a failure, not an error of ours
    """The check gave no answer: it was out of memory, out of time, or crashed."""


async def check(request: CheckRequest) -> Verdict:
    """Return what may be activated.

    Raises:
        CheckFailed: nothing is known; keep what is installed.
    """
    try:
        return await run_worker(
            "sidecar.check.worker", request, Verdict, memory=MEMORY, seconds=SECONDS
        )
    except WorkerFailed as error:
        raise CheckFailed(str(error)) from error
