"""Runs supervision trees until a signal comes or one of them gives up."""

from __future__ import annotations

import asyncio
import logging
import resource
import signal
import sys
from typing import TYPE_CHECKING

from supervisors.tree.stopping import Budget

if TYPE_CHECKING:
    from actors.runtime.lifecycle import Exit
    from supervisors.tree.supervisor import Supervisor

_log = logging.getLogger(__name__)
# Seconds that a stopped tree may take, below the 30 s after which the kubelet kills the pod: these
# 16, the leader's reserve of 6 and its second to unwind, and 2 for the endpoints.
_PARTS, _ENDPOINTS = Budget(finish=10.0, unwind=6.0), Budget(finish=1.0, unwind=1.0)
# The API server accepts JSON of 10,000 levels (k8s.io/apimachinery, util/json), and a list with
# such an object is deeper still.
RECURSION_LIMIT = 20_000


async def supervise(root: Supervisor, observation: Supervisor | None = None) -> int:
    """Run the trees; return the exit code: 0 after SIGTERM or SIGINT, 1 if one of them gave up.

    `observation` is started first and stopped last. The trees do not wait for each other. The
    process ends when one gives up, so that the kubelet starts it again. All actors have stopped
    when this returns, but for those that do not unwind within the budget, which are logged.
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
    trees = [tree for tree in (observation, root) if tree is not None]
    for tree in trees:
        tree.launch().link(gave_up)
    code = await ended
    await root.shut_down(_PARTS)
    if observation is not None:
        await observation.shut_down(_ENDPOINTS)
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
