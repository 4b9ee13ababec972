"""Few Falcos of many reconcile at once; the others wait in their mail, and can be stopped."""

import asyncio
import random
from typing import Any

import msgspec
import pytest

from actors.api.errors import Unavailable
from actors.instance.actor import InstanceActor, InstanceServices
from actors.instance.kinds import FALCO
from actors.runtime.context import Runtime
from actors.watch.store import Store, snapshot_of
from actors.write.turns import Turns
from resources.falco.desired import FalcoSettings
from resources.falco.rights import Readable
from resources.kubernetes.reference import ObjectRef
from tests.actor_examples import reconcile
from tests.fake_clock import FakeClock, settle

REFS = [ObjectRef("Falco", "namespace", name) for name in ("a", "b", "c")]


class SlowClient:
    """Refuses every write once it is let go, and tells which Falcos wait for it."""

    def __init__(self):
        self.asked: set[str] = set()
        self.answers = asyncio.Event()

    async def _request(self, ref, *_):
        self.asked.add(ref.name.partition("--")[0])
        await self.answers.wait()
        raise Unavailable(0, "Away", "no answer")

    apply = json_patch = _request


@pytest.fixture
def client():
    return SlowClient()


@pytest.fixture
async def actors(client):
    store = Store()
    for ref in REFS:
        metadata = {"name": ref.name, "namespace": ref.namespace, "uid": ref.name}
        raw = msgspec.json.encode({"metadata": {**metadata, "resourceVersion": "1"}})
        store.put(snapshot_of("Falco", raw))
    services = InstanceServices(client, store, lambda _: None, lambda _: None, turns=Turns(1))
    runtime = Runtime(FakeClock(), random.Random(1))
    started: list[Any] = [
        InstanceActor.start(runtime, ref, FALCO, services, FalcoSettings(), lambda _: Readable())
        for ref in REFS
    ]
    for actor in started:
        actor.tell(reconcile("changed"))
    await settle()
    yield started
    client.answers.set()
    await asyncio.gather(*(actor.stop() for actor in started))


async def test_one_runs_and_the_mail_of_the_others_coalesces(actors, client):
    assert client.asked == {"a"}
    actors[1].tell(reconcile("more"))
    assert actors[1].describe()["running"] is None
    assert len(actors[1].describe()["mail"]["reconcile"]) == 2
    client.answers.set()
    await settle()
    assert client.asked == {"a", "b", "c"}
    assert len(actors[1].describe()["trace"]) == 1


async def test_a_stop_does_not_wait_for_a_turn_and_takes_none(actors, client):
    assert await asyncio.wait_for(actors[1].stop(), 5)
    client.answers.set()
    await settle()
    assert client.asked == {"a", "c"}


async def test_a_killed_actor_hands_its_turn_on(actors, client):
    actors[1].kill()
    actors[0].kill()
    await settle()
    assert client.asked == {"a", "c"}
