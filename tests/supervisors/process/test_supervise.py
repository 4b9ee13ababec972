"""What a process does around its tree: limits, signals, the exit code."""

from __future__ import annotations

import asyncio
import random
import resource

import pytest

from actors.runtime.actor import Actor
from actors.runtime.clock import SystemClock
from actors.runtime.context import Runtime
from supervisors.process.supervise import supervise
from supervisors.tree.child_spec import ChildSpec
from supervisors.tree.intensity import PART_INTENSITY, RESTART_BACKOFF
from supervisors.tree.supervisor import Supervisor


@pytest.fixture
def a_low_soft_limit():
    """The hard limit of open files; the soft one is 400, as far as the test goes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (400, hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_the_soft_limit_of_open_files_is_the_hard_one_before_any_actor_runs(a_low_soft_limit):
    seen = asyncio.get_running_loop().create_future()

    class Part(Actor):
        async def on_start(self):
            seen.set_result(resource.getrlimit(resource.RLIMIT_NOFILE))

    runtime = Runtime(SystemClock(), random.Random(1))
    root = Supervisor(
        runtime,
        "root",
        [ChildSpec("part", lambda: Part.start(runtime))],
        intensity=PART_INTENSITY,
        backoff=RESTART_BACKOFF,
    )
    running = asyncio.create_task(supervise(root))
    assert await seen == (a_low_soft_limit, a_low_soft_limit)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await root.actor_ref.stop()
