"""The endpoints stand beside the parts of the process, not before them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from kubernetes_asyncio.client import Configuration

from actors.runtime.actor import Actor
from actors.runtime.backoff import Backoff
from actors.runtime.context import TRACE_ROOM
from supervisors.process.program import Process
from supervisors.process.settings import ProcessSettings
from supervisors.process.supervise import supervise
from supervisors.serving.exposure import Exposure
from supervisors.tree.child_spec import ChildSpec
from supervisors.tree.intensity import Intensity
from tests.eventually import soon
from tests.supervisors.serving.clients import ANY_PORT, get

MOST_RESTARTS = 2


class House:
    """A process with all endpoints and one part, whose lives are counted."""

    def __init__(self):
        self.process = Process("program", Configuration(), TRACE_ROOM)
        self.lives = 0
        exposed = Exposure(ANY_PORT, None, ANY_PORT, ANY_PORT, Path())
        self.root = self.process.root(
            "operator",
            ProcessSettings(exposed, "info", "text", TRACE_ROOM, "", ()),
            [ChildSpec("part", self._start)],
            lambda: None,
            intensity=Intensity(MOST_RESTARTS, 600.0),
            backoff=Backoff(base=0.001, cap=0.001),
        )
        assert self.process.observation is not None
        self.observation = self.process.observation

    def run(self):
        self.running = asyncio.create_task(supervise(self.root, self.observation))

    def endpoint(self, name):
        """The actor of an endpoint, once it serves."""
        child = next(child for child in self.observation._children if child.spec.name == name)
        return child.ref and child.phase == "up" and child.ref.actor_inbox.actor

    def _start(self):
        self.lives += 1
        return Actor.start(self.process.runtime)


@pytest.fixture
async def house():
    """A process that runs until the test is over; `running` is its exit code."""
    house = House()
    house.run()
    await soon(lambda: house.endpoint("debug"))
    yield house
    for root in (house.root, house.observation):
        await root.actor_ref.stop()
    house.running.cancel()
    await house.process.close()


async def crash(house, name):
    endpoint = await soon(lambda: house.endpoint(name))
    endpoint._life.cancel()
    await soon(lambda: house.endpoint(name) is not endpoint)


@pytest.mark.parametrize("name", ["dump", "health", "metrics", "debug"])
async def test_a_crash_of_an_endpoint_restarts_that_endpoint_only(house, name):
    others = {other: house.endpoint(other) for other in ("dump", "health", "metrics", "debug")}
    del others[name]
    await crash(house, name)
    await soon(lambda: house.endpoint(name))
    assert {other: house.endpoint(other) for other in others} == others
    assert house.lives == 1


async def test_an_endpoint_that_crashes_too_often_ends_the_process(house, caplog):
    for _ in range(MOST_RESTARTS + 1):
        await crash(house, "metrics")
    assert await house.running == 1
    assert "giving up: observation: too many restarts, the last of metrics" in caplog.text


async def test_the_dump_shows_the_parts_and_beside_them_the_endpoints(house):
    tree = json.loads((await get(house.endpoint("debug"), "/debug/actors")).text)
    assert [child["name"] for child in tree["children"]] == ["part"]
    observed = [child["name"] for child in tree["observation"]["children"]]
    assert observed == ["lookout", "dump", "health", "metrics", "debug"]
