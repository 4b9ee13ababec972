"""When the API server is asked about pods, and what it is asked for."""

import json
from typing import Any

import pytest

from actors.api.errors import Unavailable
from actors.instance.pod_failures import PodFailures
from resources.kubernetes.reference import ObjectRef
from tests.fake_clock import FakeClock

OWNER = ObjectRef("Falco", "ns", "falco")
PATIENCE = 50.0  # of the probe below
PROBE = {"initialDelaySeconds": 30, "periodSeconds": 15}
TROUBLE = "pod falco-b on node-1: container falco: ImagePullBackOff: not found"


class Answers:
    """A client that knows two pods, one of which does not work, and an Event about a DaemonSet."""

    def __init__(self):
        self.asked = []
        self.state = {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}
        self.events = [{"reason": "FailedCreate", "note": "no", "eventTime": "2026-01-01T00:00Z"}]
        self.error = None

    async def list_page(self, kind, namespace, query, representation):
        assert namespace == OWNER.namespace
        self.asked.append(kind)
        if self.error:
            raise self.error
        if kind == "Event":
            return json.dumps({"items": self.events}).encode()
        assert query["includeObject"] == "None"
        assert "as=Table" in representation.of_lists
        names = ("Name", "Ready", "Status")
        pods = (("falco-a", "2/2", "Running"), ("falco-b", "1/2", "ImagePullBackOff"))
        columns = [{"name": name} for name in names]
        rows = [{"cells": pod} for pod in pods]
        return json.dumps({"columnDefinitions": columns, "rows": rows}).encode()

    async def get(self, ref):
        self.asked.append(f"Pod {ref.name}")
        container = {"name": "falco", "ready": False, "state": self.state}
        status = {"containerStatuses": [container]}
        meta = {"name": ref.name, "uid": "u"}
        return json.dumps(
            {"metadata": meta, "spec": {"nodeName": "node-1"}, "status": status}
        ).encode()


class House:
    """The pods of one DaemonSet over time."""

    def __init__(self):
        self.clock, self.client = FakeClock(), Answers()
        client: Any = self.client
        self.failures = PodFailures(client, self.clock, OWNER)

    async def why(self, desired=3, total=3, updated=3, available=2, **spec):
        containers = [{"name": "falco", "readinessProbe": PROBE}]
        workload = {
            "metadata": {"generation": 1, "uid": "u"},
            "spec": {
                "template": {"spec": {"containers": containers}},
                "updateStrategy": {"type": "RollingUpdate"},
                **spec,
            },
            "status": {
                "observedGeneration": 1,
                "desiredNumberScheduled": desired,
                "currentNumberScheduled": total,
                "updatedNumberScheduled": updated,
                "numberAvailable": available,
                "numberUnavailable": desired - available,
            },
        }
        return await self.failures.why("DaemonSet", workload)

    async def asked_at(self, seconds, **counts):
        """The times in these seconds at which an actor that wakes when it is due asks."""
        times, begin = [], self.clock.monotonic()
        while self.clock.monotonic() < begin + seconds:
            before = len(self.client.asked)
            await self.why(**counts)
            if len(self.client.asked) > before:
                times.append(self.clock.monotonic() - begin)
            await self.clock.advance(self.failures.next_time() or 0.0)
        return times


@pytest.fixture
def house():
    """A DaemonSet of which nothing was seen yet."""
    return House()


async def test_a_healthy_start_costs_no_request(house):
    for available in (0, 1, 2):
        assert await house.why(available=available) == ""
        assert house.failures.next_time() == PATIENCE
        await house.clock.advance(PATIENCE - 1)
    assert await house.why(available=3) == ""
    assert house.failures.next_time() is None
    assert house.client.asked == []


async def test_pods_that_stay_unavailable_are_asked_less_and_less_often(house):
    times = await house.asked_at(1800)
    assert times == [50, 60, 80, 120, 200, 360, 660, 960, 1260, 1560]
    assert house.client.asked == ["Pod", "Pod falco-b"] * len(times)
    assert await house.why() == TROUBLE


async def test_a_reason_stays_known_until_all_is_well(house):
    await house.asked_at(PATIENCE + 1)
    assert await house.why(available=1) == TROUBLE
    assert await house.why(available=3) == ""
    assert await house.why(available=2) == ""
    assert house.failures.next_time() == PATIENCE


async def test_pods_that_fail_over_and_over_are_asked_after_a_change_but_twice_a_minute(house):
    await house.asked_at(1000)
    asked, begin = len(house.client.asked), house.clock.monotonic()
    while house.clock.monotonic() < begin + 600:
        for available in (1, 2):
            assert await house.why(available=available) == TROUBLE
            await house.clock.advance(2)
    assert 2 * 15 <= len(house.client.asked) - asked <= 2 * 20


async def test_a_daemon_set_that_lacks_pods_is_asked_for_its_events(house):
    assert await house.asked_at(20, total=0, updated=0, available=0) == [15]
    assert house.client.asked == ["Event"]
    assert await house.why(total=0, updated=0, available=0) == "FailedCreate: no"
    assert await house.why(total=2, updated=2) == "FailedCreate: no"
    await house.clock.advance(house.failures.next_time() or 0.0)
    assert await house.why(total=2, updated=2) == f"FailedCreate: no; {TROUBLE}"
    assert house.client.asked[-3:] == ["Event", "Pod", "Pod falco-b"]


async def test_a_pod_whose_containers_are_not_made_is_asked_for_its_events(house):
    house.client.state = {"waiting": {"reason": "ContainerCreating"}}
    house.client.events = [{"reason": "FailedMount", "note": "no secret", "eventTime": "2026"}]
    await house.asked_at(PATIENCE + 1)
    assert house.client.asked == ["Pod", "Pod falco-b", "Event"]
    assert (await house.why()).endswith(
        "container falco: ContainerCreating: FailedMount: no secret"
    )


async def test_an_error_leaves_what_is_known_and_keeps_to_retry_after(house):
    await house.asked_at(PATIENCE + 1)
    house.client.error = Unavailable(429, "TooManyRequests", "busy", retry_after=70.0)
    await house.clock.advance(house.failures.next_time() or 0.0)
    assert await house.why() == TROUBLE
    assert house.failures.next_time() == 70.0


async def test_what_waits_for_a_deletion_or_wants_no_pods_is_not_asked(house):
    counts = {"updated": 0, "available": 3, "updateStrategy": {"type": "OnDelete"}}
    assert await house.asked_at(1000, **counts) == []
    assert "OnDelete" in await house.why(**counts)
    assert await house.why(desired=0, total=0, updated=0, available=0) == ""
    assert house.failures.next_time() is None
