"""All children of one resource on a real API server, on a clock of the test's own."""

import random
from uuid import uuid4

import msgspec
import pytest

from actors.api.client import Client
from actors.runtime.context import Runtime
from actors.watch.store import Store, snapshot_of
from actors.watch.view import View
from actors.write.applier import Applier
from actors.write.children import Attempt, Children
from actors.write.retry import Retry
from actors.write.writer import Writer
from resources.instance.children import Parent
from resources.instance.outcome import DRIFT, ERROR_ON_CREATE, NAME_CONFLICT
from resources.kubernetes.kinds import KINDS
from resources.kubernetes.reference import ObjectRef, Owner
from tests.fake_clock import FakeClock

# Corrections of one field within a minute that are a fight, and seconds until it is taken up again.
FIGHT, TRUCE = 5, 300
# Seconds until a refused request is made again, each after the one before.
REFUSED = (60, 120, 300, 300)


async def nothing():
    """Runs beside the first wave."""


class Household:
    """The children of one Falco, their watch, and somebody else who changes them."""

    def __init__(self, client, requests):
        self.client = client
        self._requests = requests
        self.clock = FakeClock()
        self.corrected: list[str] = []
        uid = str(uuid4())
        self.parent = Parent(Owner(ObjectRef("Falco", "default", f"falco-{uid}"), uid), {})
        self._store = Store()
        self._writer = Writer(client, View(self._store), "falco-controller")
        self.applier = Applier(self._writer, self.parent.owner, self.clock)
        runtime = Runtime(self.clock, random.Random(1))
        self.children = Children(runtime, self.applier, self._writer.view, self.corrected.append)

    def config_map(self, text="ours"):
        return self.parent.child("ConfigMap", data={"falco.yaml": text})

    async def ensure(self, *children):
        """What became of these, and how many requests that took."""
        attempt, before = Attempt(), self._requests.total()
        await self.children.ensure(children, nothing, attempt)
        return attempt, self._requests.total() - before

    async def take(self, child, text="theirs"):
        """A stranger forces the ConfigMap to another text, and the watch tells."""
        body = {
            "apiVersion": KINDS[child.ref.kind].api_version,
            "kind": child.ref.kind,
            "metadata": {"name": child.ref.name, "namespace": child.ref.namespace},
            "data": {"falco.yaml": text},
        }
        raw = await self.client.apply(child.ref, body, "a-stranger")
        self._store.put(snapshot_of(child.ref.kind, raw))

    async def text_of(self, child):
        return msgspec.json.decode(await self.client.get(child.ref))["data"]["falco.yaml"]


@pytest.fixture
async def household(mortal, connect, requests):
    """Where no garbage collector looks for the Falco, which there is not."""
    return Household(Client(await connect(mortal)), requests)


async def fought(household, child):
    """A fight over the ConfigMap, as far as it goes."""
    await household.ensure(child)
    for _ in range(FIGHT):
        await household.take(child)
        attempt, requests = await household.ensure(child)
        assert requests == 1
        await household.clock.advance(1)
    return attempt


async def test_the_correction_that_is_one_too_many_is_told_as_a_fight(household):
    child = household.config_map()
    attempt = await fought(household, child)
    failure = attempt.failures[child.ref]
    assert (failure.reason, failure.message) == (
        DRIFT,
        'data["falco.yaml"] is changed by a-stranger as often as it is corrected',
    )
    assert household.corrected == ["ConfigMap"] * FIGHT


async def test_a_fight_is_left_for_five_minutes_and_then_taken_up_again(household):
    child = household.config_map()
    await fought(household, child)
    await household.take(child)
    while household.children.next_try() > 1:
        attempt, requests = await household.ensure(child)
        assert (attempt.failures[child.ref].reason, requests) == (DRIFT, 0)
        await household.clock.advance(household.children.next_try() - 1)
    assert household.clock.monotonic() == TRUCE + FIGHT - 2
    await household.clock.advance(1)
    attempt, requests = await household.ensure(child)
    assert (attempt.failures, requests) == ({}, 1)
    assert await household.text_of(child) == "ours"
    assert household.children.next_try() is None


async def test_what_the_user_wants_anew_is_written_in_spite_of_a_fight(household):
    await fought(household, household.config_map())
    _, requests = await household.ensure(household.config_map("new"))
    assert requests == 1
    assert await household.text_of(household.config_map()) == "new"


async def test_a_fight_over_one_child_holds_up_no_other(household):
    child, other = household.config_map(), household.parent.child("ServiceAccount")
    await fought(household, child)
    await household.take(child)
    attempt, requests = await household.ensure(other, child)
    assert (attempt.created, requests) == ([other.ref], 1)


async def test_changes_by_the_user_are_no_fight(household):
    for number in range(2 * FIGHT):
        attempt, requests = await household.ensure(household.config_map(str(number)))
        assert (attempt.failures, requests) == ({}, 1)
    assert household.corrected == []


async def test_a_child_that_was_deleted_because_it_was_not_wanted_is_no_drift(household):
    child, other = household.config_map(), household.parent.child("ServiceAccount")
    for _ in range(2 * FIGHT):
        attempt, _ = await household.ensure(other, child)
        assert (child.ref in attempt.created, attempt.failures) == (True, {})
        await household.ensure(other)
        assert await household.applier.prune(child.ref)
    assert household.corrected == []


async def test_a_child_that_somebody_else_deletes_again_and_again_is_a_fight(household):
    child = household.config_map()
    for _ in range(FIGHT + 1):
        attempt, _ = await household.ensure(child)
        await household.applier.remove(child.ref)  # as anybody could
    assert attempt.failures[child.ref].reason == DRIFT
    assert household.corrected == ["ConfigMap"] * FIGHT


async def test_a_refused_child_is_asked_for_again_ever_more_seldom(household):
    child = household.parent.child("ServiceAccount", secrets="no list")
    for seconds in REFUSED:
        attempt, requests = await household.ensure(child)
        assert (attempt.failures[child.ref].reason, requests) == (ERROR_ON_CREATE, 1)
        for _ in range(3):
            attempt, requests = await household.ensure(child)
            assert (attempt.failures[child.ref].reason, requests) == (ERROR_ON_CREATE, 0)
        assert household.children.next_try() == seconds
        await household.clock.advance(seconds)


async def test_a_refused_child_that_is_wanted_otherwise_is_asked_for_at_once(household):
    await household.ensure(household.parent.child("ServiceAccount", secrets="no list"))
    attempt, requests = await household.ensure(household.parent.child("ServiceAccount"))
    assert (attempt.failures, requests) == ({}, 1)


async def test_a_taken_name_is_claimed_again_within_a_minute(household):
    child = household.config_map()
    await household.take(child)
    attempt, _ = await household.ensure(child)
    assert attempt.failures[child.ref].reason == NAME_CONFLICT
    assert 30 <= household.children.next_try() <= 60
    _, requests = await household.ensure(child)
    assert requests == 0
    assert await household.text_of(child) == "theirs"


async def test_nothing_of_what_is_settled_by_time_is_retried_with_backoff(household):
    child = household.config_map()
    await household.take(child)
    refused = household.parent.child("ServiceAccount", secrets="no list")
    attempt, _ = await household.ensure(refused, child)
    assert len(attempt.errors) == 2
    assert Retry(random.Random(1)).after(attempt.errors) is None
