"""Giving up on one object until it changes."""

import asyncio

import pytest

from tests.actor_examples import BugError, reconcile
from tests.fake_clock import settle
from tests.supervisors.tree.crowd import MOST_BACKOFF, Crowd

TEN_MINUTES = 600.0


async def parked_crowd(most=2, **knobs):
    """A crowd whose object "a" has just been parked."""
    crowd = Crowd(most)
    for name, value in knobs.items():
        setattr(crowd, name, value)
    for number in range(most + 1):
        await crowd.deliver("a", BugError(str(number)))
        await crowd.clock.advance(MOST_BACKOFF)
    return crowd


async def test_one_crash_too_many_parks_that_object_and_says_so_once():
    crowd = await parked_crowd()
    assert (crowd.supervisor.alive, crowd.supervisor.parked) == (0, 1)
    assert [(name, str(error)) for name, error in crowd.parkings] == [("a", "2")]
    assert crowd.observer.events.count(("parked", "Falco")) == 1
    assert len(crowd.clock.armed) == 1
    await crowd.stop()
    assert crowd.clock.armed == []


async def test_a_parked_object_takes_no_mail_while_its_version_is_the_same():
    crowd = await parked_crowd()
    before = len(crowd.log["a"])
    await crowd.deliver("a", reconcile("child"), "message")
    assert len(crowd.log["a"]) == before
    assert crowd.supervisor.parked == 1
    await crowd.stop()


@pytest.mark.parametrize("version", [2, ("uid", 1), None])
async def test_a_delivery_with_another_version_unparks_with_that_mail_and_a_clean_record(version):
    crowd = await parked_crowd()
    crowd.versions["a"] = version
    before = len(crowd.log["a"])
    await crowd.deliver("a", reconcile("spec"))
    assert crowd.log["a"][before:] == ["start", {"spec"}]
    assert (crowd.supervisor.alive, crowd.supervisor.parked) == (1, 0)
    assert ("unparked", "Falco") in crowd.observer.events
    await crowd.deliver("a", BugError("first of a new count"))
    assert crowd.supervisor.parked == 0
    await crowd.stop()


async def test_an_unparked_object_that_goes_on_crashing_is_parked_and_reported_again():
    crowd = await parked_crowd()
    crowd.versions["a"] = 2
    for number in range(3):
        await crowd.deliver("a", BugError(str(number)))
        await crowd.clock.advance(MOST_BACKOFF)
    assert len(crowd.parkings) == 2
    await crowd.stop()


async def test_crashes_further_apart_than_the_window_never_park():
    crowd = Crowd(most=2)
    for _ in range(10):
        await crowd.deliver("a", BugError("now and then"))
        await crowd.clock.advance(31)
    assert crowd.parkings == []
    await crowd.stop()


async def test_an_object_that_changed_while_it_crashed_is_not_parked_for_what_it_was():
    crowd = Crowd(most=2)
    for _ in range(2):
        await crowd.deliver("a", BugError("of version 1"))
        await crowd.clock.advance(MOST_BACKOFF)
    crowd.versions["a"] = 2
    for _ in range(2):
        await crowd.deliver("a", BugError("of version 1 for all we know, then of version 2"))
        await crowd.clock.advance(MOST_BACKOFF)
        assert crowd.supervisor.parked == 0
    await crowd.deliver("a", BugError("of version 2 still"))
    assert crowd.supervisor.parked == 1
    await crowd.stop()


async def test_the_neighbours_of_a_parked_object_go_on():
    crowd = await parked_crowd()
    await crowd.deliver("b", "hello")
    assert crowd.log["b"] == ["start", "hello"]
    await crowd.stop()


async def test_a_failing_on_parked_is_logged_and_takes_nobody_down(caplog):
    def on_parked(*_):
        raise ValueError("no status written")

    crowd = Crowd(most=0)
    crowd.supervisor._on_parked = on_parked
    await crowd.deliver("a", BugError("bug"))
    assert "on_parked failed" in caplog.text
    await crowd.deliver("b", "hello")
    assert crowd.log["b"] == ["start", "hello"]
    await crowd.stop()


async def test_an_on_parked_that_takes_for_ever_holds_up_nobody_and_ends_with_the_supervisor():
    gate, ends = asyncio.Event(), []

    async def on_parked(ref, error):
        try:
            await gate.wait()
        finally:
            ends.append((ref.name, str(error)))

    crowd = Crowd(most=0)
    crowd.supervisor._on_parked = on_parked
    await crowd.deliver("a", BugError("bug"))
    await crowd.deliver("b", BugError("bug"), "hello")
    crowd.versions["a"] = 2
    await crowd.deliver("a", reconcile("spec"))
    assert crowd.log["a"][-1] == {"spec"}
    await crowd.stop()
    await settle()
    assert sorted(ends) == [("a", "bug"), ("b", "bug")]


async def test_a_crash_leaves_one_traceback_with_the_object_beside_it(caplog):
    crowd = Crowd(most=0)
    await crowd.deliver("a", BugError("bug"))
    records = [record for record in caplog.records if record.exc_info]
    assert [record.object for record in records] == ["Falco/default/a"]
    await crowd.stop()


# The way back of an object that does not change.


async def test_a_parked_object_is_tried_again_after_ten_minutes_for_the_cause_restarted():
    crowd = await parked_crowd()
    before = len(crowd.log["a"])
    await crowd.clock.advance(TEN_MINUTES - MOST_BACKOFF - 1)
    assert len(crowd.log["a"]) == before
    await crowd.clock.advance(1)
    assert crowd.log["a"][before:] == ["start", {"restarted"}]
    assert (crowd.supervisor.alive, crowd.supervisor.parked) == (1, 0)
    await crowd.stop()


async def test_one_crash_parks_it_again_and_then_it_is_tried_every_half_hour():
    crowd, tries = await parked_crowd(), []
    await crowd.clock.advance(TEN_MINUTES)
    for _ in range(3):
        before = len(crowd.log["a"])
        await crowd.deliver("a", BugError("still"))
        assert crowd.supervisor.parked == 1
        (due,) = crowd.clock.armed
        tries.append(due - crowd.clock.monotonic())
        await crowd.clock.advance(due - crowd.clock.monotonic())
        assert crowd.log["a"][before + 2 :] == ["start", {"restarted"}]
    assert tries == [3 * TEN_MINUTES] * 3
    assert len(crowd.parkings) == 4
    await crowd.stop()


async def test_an_object_that_was_tried_again_with_success_has_a_clean_record_after_the_window():
    crowd = await parked_crowd()
    await crowd.clock.advance(TEN_MINUTES + 61)
    await crowd.deliver("a", BugError("another"))
    assert (crowd.supervisor.alive, crowd.supervisor.parked) == (1, 0)
    await crowd.clock.advance(MOST_BACKOFF)
    for number in range(2):
        await crowd.deliver("a", BugError(str(number)))
        await crowd.clock.advance(MOST_BACKOFF)
    assert crowd.supervisor.parked == 1
    await crowd.stop()


async def test_mail_for_a_parked_object_makes_no_crash_however_much_of_it_comes():
    """One message a second for two hours: 3 crashes until it is parked, then one for each try."""
    crowd = await parked_crowd()
    crowd.results["a"] = [BugError("still")] * 10_000
    for _ in range(7200):
        await crowd.deliver("a", reconcile("status"))
        await crowd.clock.advance(1)
    crashes = [event for event in crowd.observer.events if event[0] == "exited"]
    assert len(crashes) == 3 + 1 + 3
    await crowd.stop()


async def test_an_on_parked_that_still_runs_ends_before_the_object_is_tried_again():
    ended = []

    async def on_parked(ref, _):
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append(ref.name)

    crowd = Crowd(most=0)
    crowd.supervisor._on_parked = on_parked
    await crowd.deliver("a", BugError("bug"))
    await crowd.clock.advance(TEN_MINUTES)
    assert (ended, crowd.supervisor.parked) == (["a"], 0)
    await crowd.stop()
