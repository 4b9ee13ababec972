"""Runs supervision trees until a signal comes or one of them gives up."""

from __future__ import annotations

import asyncio
import logging
import resource
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actors.runtime.lifecycle import Exit
    from supervisors.tree.supervisor import Supervisor

_log = logging.getLogger(__name__)
# The API server accepts JSON of 10,000 levels (k8s.io/apimachinery, util/json), and a list with
# such an object is deeper still.
RECURSION_LIMIT = 20_000


async def supervise(*roots: Supervisor) -> int:
    """Run the trees; return the exit code: 0 after SIGTERM or SIGINT, 1 if one of them gave up.

    The trees are started in order and stopped in reverse; all have stopped when this returns. They
    do not wait for each other. The process ends when one gives up, so that the kubelet starts it
    again.
    """
    sys.setrecursionlimit(max(sys.getrecursionlimit(), RECURSION_LIMIT))
    raise_descriptor_limit()
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[int] = loop.create_future()

    def end(code: int) -> None:
        if not ended.done():
            ended.set_result(code)

    def gave_up(_actor: object, exit_: Exit) -> None:
        if exit_.error is not None:
            _log.critical("giving up: %s", exit_.error)
        end(1)

    # Without a handler SIGUSR1 ends the process, and it may arrive before the dump's actor starts.
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end, 0)
    refs = [root.launch() for root in roots]
    for ref in refs:
        ref.link(gave_up)
    code = await ended
    for ref in reversed(refs):
        await ref.stop()
    return code


def raise_descriptor_limit() -> None:
    """Raise the soft limit of open files to the hard one, which child processes inherit.

    A container runtime often sets a soft limit of 1024 for programs that call select(2), as neither
    we nor our children do. Each watch, request and client of an endpoint takes one descriptor.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError) as error:
        _log.warning("the limit of open files stays %d: %s", soft, error)
