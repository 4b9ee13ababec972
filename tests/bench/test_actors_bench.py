"""What an actor costs: bytes while it is idle, and time for a message.

Prints one JSON line. Bytes are those that Python's allocator hands out (tracemalloc), with all that
a supervised actor needs: the supervisor's entry, the object's name, the ref, the inbox. Rates are
by processor time, which is wall time on an idle machine, and still true on a busy one.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import sys
import time
import tracemalloc
from typing import TYPE_CHECKING

import pytest
import uvloop

from actors.runtime.actor import Actor
from actors.runtime.backoff import Backoff
from actors.runtime.clock import SystemClock
from actors.runtime.context import Runtime
from actors.runtime.results import Done, Result
from resources.kubernetes.reference import ObjectRef
from supervisors.tree.dynamic import DynamicSupervisor
from supervisors.tree.intensity import Intensity
from tests.actor_examples import reconcile

if TYPE_CHECKING:
    from actors.runtime.reason import Reasons

pytestmark = pytest.mark.bench

ACTORS = 100_000
MESSAGES = 50_000


class Idle(Actor):
    """Reconciles to nothing."""

    async def on_receive(self, message: object) -> object:
        return message

    async def on_reconcile(self, reasons: Reasons) -> Result:  # noqa: ARG002
        return Done()


async def _start_many(supervisor: DynamicSupervisor, refs: list[ObjectRef], message: object):
    for index, ref in enumerate(refs):
        supervisor.deliver(ref, message)
        if index % 1000 == 0:
            await asyncio.sleep(0)
    await asyncio.sleep(0.1)


def _supervisor(runtime: Runtime) -> DynamicSupervisor:
    supervisor = DynamicSupervisor(
        runtime,
        "bench",
        start=lambda _: Idle.start(runtime),
        version_of=lambda _: 1,
        on_parked=lambda *_: None,
        intensity=Intensity(3, 60),
        backoff=Backoff(1, 60),
    )
    supervisor.launch()
    return supervisor


def _runtime() -> Runtime:
    return Runtime(clock=SystemClock(), random=random.Random(0))


async def _bytes_of_a_bare_actor() -> float:
    runtime = _runtime()
    await asyncio.sleep(0)
    held: list[object] = [None] * ACTORS
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    for index in range(ACTORS):
        held[index] = Idle.start(runtime)
        if index % 1000 == 0:
            await asyncio.sleep(0)
    await asyncio.sleep(0.1)
    gc.collect()
    return (tracemalloc.get_traced_memory()[0] - before) / ACTORS


async def _bytes_supervised(actors: int, messages: int) -> float:
    supervisor = _supervisor(_runtime())
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    refs = [ObjectRef("Falco", "namespace", f"falco-{number}") for number in range(actors)]
    for _ in range(messages):
        await _start_many(supervisor, refs, reconcile("spec"))
    gc.collect()
    size = (tracemalloc.get_traced_memory()[0] - before) / actors
    await supervisor.actor_ref.stop()
    return size


async def _rate(actors: int, *, at_once: int, message: object) -> float:
    """Messages per second of processor time, in rounds of `at_once` an actor, each served first."""
    refs = [Idle.start(_runtime()) for _ in range(actors)]
    await asyncio.gather(*(ref.ask("ready") for ref in refs))
    rounds = MESSAGES // (actors * at_once)
    begun = time.thread_time()
    for _ in range(rounds):
        for _ in range(at_once):
            for ref in refs:
                ref.tell(message)
        await refs[-1].ask("done")
    await asyncio.gather(*(ref.ask("done") for ref in refs))
    return rounds * at_once * actors / (time.thread_time() - begun)


async def _ask_rate() -> float:
    ref = Idle.start(_runtime())
    begun = time.thread_time()
    for _ in range(20_000):
        await ref.ask("question")
    return 20_000 / (time.thread_time() - begun)


def _best(actors: int, at_once: int, message: object) -> int:
    """The best of ten, as other work on the machine only ever takes away."""
    rates = (uvloop.run(_rate(actors, at_once=at_once, message=message)) for _ in range(10))
    return round(max(rates))


def test_prints_what_an_actor_costs(capsys):
    tracemalloc.start(1)
    memory = {
        "before_first_message": round(uvloop.run(_bytes_of_a_bare_actor())),
        "supervised_after_first_message": round(uvloop.run(_bytes_supervised(ACTORS, 1))),
        "supervised_with_a_full_trace": round(uvloop.run(_bytes_supervised(ACTORS // 10, 16))),
    }
    tracemalloc.stop()
    rates = {
        "one_actor": _best(1, 10_000, "message"),
        "thousand_actors": _best(1000, 10, "message"),
        "thousand_actors_a_task_a_message": _best(1000, 1, "message"),
        "thousand_actors_a_task_a_reconcile": _best(1000, 1, reconcile("spec")),
        "asks_of_one": round(uvloop.run(_ask_rate())),
    }
    with capsys.disabled():
        figures = {"actors": ACTORS, "bytes": memory, "messages_per_second": rates}
        sys.stdout.write(json.dumps(figures) + "\n")
    assert memory["before_first_message"] <= 2048
    assert memory["supervised_after_first_message"] <= 2048
    assert rates["thousand_actors"] >= 100_000
