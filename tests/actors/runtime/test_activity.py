"""What actors say that they are at."""

import asyncio

from actors.runtime.activity import Load, Waiting, loads
from tests.actor_examples import Probe, actor_of, fake_runtime, reconcile
from tests.fake_clock import settle


class Asking(Probe):
    """Makes two requests at once, of which the first ends when it may."""

    kind = "Asking"

    def __init__(self, runtime, gate):
        super().__init__(runtime, [])
        self.gate = gate

    async def on_reconcile(self, reasons):
        first = asyncio.create_task(self._request("GET /a", self.gate))
        await self.runtime.clock.sleep(1)
        await asyncio.gather(first, self._request("PATCH /b", asyncio.Event()))
        return await super().on_reconcile(reasons)

    async def _request(self, what, answer):
        with Waiting(what):
            await answer.wait()


async def test_a_handler_names_the_request_that_it_waits_for_longest():
    runtime, clock, _ = fake_runtime()
    gate = asyncio.Event()
    ref = Asking.start(runtime, gate)
    assert ref.activity() == "no message"
    ref.tell(reconcile("spec"))
    await clock.advance(31)
    assert ref.activity() == "Reconcile for 31.0 s, waiting 31.0 s for GET /a and 1 more"
    gate.set()
    await settle()
    assert ref.activity() == "Reconcile for 31.0 s, waiting 30.0 s for PATCH /b"
    assert ref.describe()["running"]["waits"] == {"PATCH /b": 30.0}
    ref.kill()
    await settle()
    assert ref.activity() == "gone"


async def test_a_request_of_one_actor_is_not_taken_for_that_of_an_actor_that_it_wakes():
    runtime, clock, _ = fake_runtime()
    waking = Asking.start(runtime, asyncio.Event())
    woken = Probe.start(runtime, [], [asyncio.Event()])
    await settle()

    class Wakes(Probe):
        async def on_receive(self, message):  # noqa: ARG002
            with Waiting("GET /outer"):
                woken.tell(reconcile("spec"))
                await asyncio.Event().wait()

    outer = Wakes.start(runtime, [])
    outer.tell("go")
    await clock.advance(2)
    assert woken.activity() == "Reconcile for 2.0 s"
    assert outer.activity() == "str for 2.0 s, waiting 2.0 s for GET /outer"
    for ref in (waking, woken, outer):
        ref.kill()
    await settle()


async def test_the_load_of_a_kind_is_its_running_handlers_and_its_oldest_ages():
    runtime, clock, _ = fake_runtime()
    first = Probe.start(runtime, [], [asyncio.Event()])
    second = Probe.start(runtime, [], [asyncio.Event()])
    idle = Probe.start(runtime, [])
    first.tell(reconcile("spec"))
    await clock.advance(5)
    first.tell(reconcile("child"))
    second.tell(reconcile("spec"))
    await clock.advance(2)
    assert loads(runtime.busy, clock.monotonic()) == {"Probe": Load(2, 7.0, 2.0)}
    assert actor_of(idle) not in runtime.busy
    for ref in (first, second, idle):
        ref.kill()
    await settle()
    assert not runtime.busy
