"""Which nodes are looked at, when, and how often."""

import json
import random
from typing import Any, cast

import pytest

from actors.api.errors import NotFound, Unavailable
from actors.artifact.node_readiness import MOST_READS, NodeReadiness
from actors.artifact.report_index import ReportIndex
from actors.runtime.context import Runtime
from actors.watch.store import Change
from resources.artifact.rollout import Subject
from resources.kubernetes.reference import ObjectRef
from tests.actors.artifact.test_report_index import entry, node, pod, report
from tests.actors.artifacts import artifact_ref
from tests.fake_clock import FakeClock, settle

RULES, MORE = artifact_ref("rules"), artifact_ref("more")


class Api:
    """Nodes and pods by name; each read is counted."""

    def __init__(self):
        self.nodes: dict[str, tuple[str, str]] = {}
        self.places: dict[str, str] = {}
        self.reads: list[str] = []
        self.error: Exception | None = None

    async def get(self, ref):
        self.reads.append(ref.name)
        if self.error is not None:
            raise self.error
        if ref.kind == "Pod":
            if ref.name not in self.places:
                raise NotFound(404, "NotFound", "")
            meta = {"uid": "uid", "resourceVersion": "1"}
            return json.dumps({"metadata": meta, "spec": {"nodeName": self.places[ref.name]}})
        if ref.name not in self.nodes:
            raise NotFound(404, "NotFound", "")
        version, ready = self.nodes[ref.name]
        conditions = [
            {"type": "DiskPressure", "status": "True"},
            {"type": "Ready", "status": ready},
        ]
        meta = {"uid": "uid", "resourceVersion": version}
        return json.dumps({"metadata": meta, "status": {"conditions": conditions}})


class House:
    """Pods with one node each, one artifact of which all have another revision."""

    def __init__(self, pods):
        self.clock = FakeClock()
        self.runtime = Runtime(self.clock, random.Random(1))
        self.api = cast("Any", Api())  # in the place of a Client
        self.index = ReportIndex()
        self.told: list[tuple[set[ObjectRef], str]] = []
        self.actor = NodeReadiness(
            self.runtime,
            self.api,
            self.index,
            lambda name: self.api.nodes.get(name, ("",))[0],
            lambda refs, because_of: self.told.append((set(refs), because_of.name)),
        )
        self.names = [f"n{number}" for number in range(pods)]
        for name in self.names:
            self.put(name, "True")
            self.index.note(Change(ObjectRef("Pod", "ns", name), None, pod(name)))
            self.reports(name, "1")
        self.roll_out("2")

    def put(self, name, ready):
        version = int(self.api.nodes.get(name, ("0",))[0]) + 1
        self.api.nodes[name] = str(version), ready
        self.index.note(Change(ObjectRef("Node", "", name), None, node(name)))

    def reports(self, name, revision, artifact=RULES):
        found = report(name, name, entry(revision=revision, uid=artifact.name))
        self.index.note(Change(found.ref, None, found))

    def roll_out(self, revision, artifact=RULES):
        self.subject = Subject(artifact.name, revision)
        self.index.sum(artifact, self.subject)

    @property
    def sum(self):
        return self.index.sum(RULES, self.subject)

    async def held_for(self, seconds):
        """The first look sees who holds the verdict back, the second comes so much later."""
        await self.actor.look()
        await self.clock.advance(seconds)
        self.api.reads.clear()
        return await self.actor.look()


@pytest.fixture
def house():
    """Four pods, of which three have reported."""
    made = House(4)
    for name in made.names[1:]:
        made.reports(name, "2")
    return made


async def test_a_node_is_read_once_its_pod_has_been_waited_for_a_while(house):
    house.put("n0", "Unknown")
    assert await house.held_for(9.0)
    assert house.api.reads == []
    await house.clock.advance(1.0)
    await house.actor.look()
    assert house.api.reads == ["n0"]
    assert house.told == [({RULES}, "n0")]
    assert (house.sum.programmed, house.sum.unreachable, house.sum.pending) == (3, 1, 0)


async def test_it_is_not_read_again_until_it_changes_and_counts_once_it_is_ready(house):
    house.put("n0", "False")
    await house.held_for(10.0)
    for _ in range(5):
        await house.clock.advance(60.0)
        await house.actor.look()
    assert house.api.reads == ["n0"]
    house.put("n0", "False")
    house.put("n1", "False")
    await house.actor.look()
    house.put("n0", "True")
    await house.actor.look()
    assert house.api.reads == ["n0", "n0", "n0"]
    assert (house.sum.unreachable, house.sum.pending) == (0, 1)
    assert house.told == [({RULES}, "n0")] * 2


async def test_nothing_is_read_while_nothing_is_held_back(house):
    house.reports("n0", "2")
    house.put("n0", "False")
    assert await house.held_for(60.0)
    assert house.api.reads == []
    assert house.sum.programmed == 4


async def test_a_pod_that_has_not_reported_is_read_once_for_its_node(house):
    for name in ("new", "gone"):
        house.index.note(Change(ObjectRef("Pod", "ns", name), None, pod(name)))
    house.api.places["new"] = "n1"
    house.put("n1", "False")
    assert not await house.held_for(10.0)
    assert sorted(house.api.reads) == ["gone", "n0", "new"]
    house.api.reads.clear()
    await house.actor.look()
    assert house.api.reads == ["gone", "n1"]
    assert house.sum.out_of_reach == (("new", "n1"),)


async def test_many_nodes_cost_so_many_reads_a_look_and_each_has_its_turn():
    house = House(50)
    for name in house.names:
        house.put(name, "False")
    for artifact in (RULES, MORE):
        house.roll_out("2", artifact)
    assert not await house.held_for(10.0)
    for _ in range(2):
        for name in house.names:  # each has changed again
            house.put(name, "False")
        await house.clock.advance(1.0)
        assert not await house.actor.look()
    assert len(house.api.reads) == 3 * MOST_READS
    assert set(house.api.reads) == set(house.names)
    assert house.sum.unreachable == 50


async def test_an_error_ends_the_look_and_a_node_that_is_gone_is_none(house):
    house.api.error = Unavailable(503, "ServiceUnavailable", "")
    with pytest.raises(Unavailable):
        await house.held_for(10.0)
    house.api.error = NotFound(404, "NotFound", "")
    assert await house.actor.look()
    assert house.told == []


async def test_the_actor_looks_by_itself_and_at_once_when_an_unready_node_has_changed(house):
    house.put("n0", "False")
    ref = house.actor.launch()
    for _ in range(8):
        await house.clock.advance(5.0)
    assert house.api.reads == ["n0"]
    assert house.actor.describe()["not ready"] == ["n0"]
    house.put("n0", "True")
    await settle()
    await house.clock.advance(1.0)
    assert house.api.reads == ["n0", "n0"]
    await ref.stop()
