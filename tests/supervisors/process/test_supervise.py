"""What a process does around its tree: limits, signals, the exit code."""

from __future__ import annotations

import asyncio
import random
import re
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from actors.runtime.actor import Actor
from actors.runtime.clock import SystemClock
from actors.runtime.context import Runtime
from supervisors.operator import LEASE_RESERVE
from supervisors.process.supervise import _ENDPOINTS, _PARTS, supervise
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


def test_the_budget_is_below_the_grace_period_of_the_pod():
    template = Path("deploy/chart/falco-operator/templates/deployment.yaml").read_text()
    period = float(re.findall(r"terminationGracePeriodSeconds: (\d+)", template)[0])
    budgets = (_PARTS, _ENDPOINTS)
    assert sum(budget.finish + budget.unwind for budget in budgets) + LEASE_RESERVE < period - 5


DEAF = """
import asyncio
from pathlib import Path
from actors.runtime.actor import Actor
from supervisors.process import program, supervise
from supervisors.serving.exposure import Exposure
from supervisors.process.settings import ProcessSettings
from supervisors.tree.child_spec import ChildSpec
from supervisors.tree.intensity import PART_INTENSITY, RESTART_BACKOFF
from supervisors.tree.stopping import Budget

supervise._PARTS = Budget(0.1, 0.1)
program._LAST_WAIT = 0.1

class Deaf(Actor):
    async def on_receive(self, message):
        print("runs", flush=True)
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                pass

def start(runtime):
    ref = Deaf.start(runtime)
    ref.tell("work")
    return ref

def compose(process):
    return process.root("root", settings, [ChildSpec("deaf", lambda: start(process.runtime))],
        lambda: None, intensity=PART_INTENSITY, backoff=RESTART_BACKOFF)

settings = ProcessSettings(Exposure(None, None, None, None, Path()), "info", "text", 4096, "", ())
async def configuration(_):
    from kubernetes_asyncio.client import Configuration
    return Configuration()
program.configuration_of = configuration
program.run("deaf", settings, compose)
"""


def test_the_process_ends_though_an_actor_cannot_be_cancelled():
    with subprocess.Popen(
        [sys.executable, "-c", DEAF], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "runs\n"
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=60)
    assert process.returncode == 0, log
    assert "deaf cannot be cancelled: str for" in log
