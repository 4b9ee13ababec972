"""Starting in order, stopping in reverse, and being stopped at any time."""

import json

import pytest

from actors.runtime.lifecycle import ExitReason
from supervisors.debug.description import rendered
from supervisors.tree.child_spec import ChildSpec, Restart
from tests.actor_examples import BugError, actor_of
from tests.fake_clock import settle
from tests.supervisors.tree.family import DEADLINE, MOST_BACKOFF, Family


async def test_children_start_in_order_each_when_the_former_is_up():
    family = Family()
    gate = family.close("b", "start")
    ref = family.launch("a", "b", "c")
    await settle()
    assert family.happened() == ["a starts", "b starts"]
    gate.set()
    await settle()
    assert family.happened() == ["c starts", "all up"]
    await ref.stop()


async def test_children_stop_in_reverse_each_when_the_later_is_gone():
    family = Family()
    ref = family.launch("a", "b", "c")
    await settle()
    gate = family.close("b", "stop")
    family.happened()
    stopping = ref.stop()
    await settle()
    assert family.happened() == ["c stops", "b stops"]
    gate.set()
    assert await stopping is True
    assert family.happened() == ["a stops"]
    assert [end.reason for end in family.exits] == [ExitReason.SHUTDOWN]


async def test_a_supervisor_without_children_is_ready_at_once():
    family = Family()
    ref = family.launch()
    await settle()
    assert family.happened() == ["all up"]
    assert await ref.stop() is True


async def test_a_nested_supervisor_is_ready_when_its_last_child_is():
    family = Family()
    gate = family.close("inner", "start")
    nested = ChildSpec("nested", lambda: family.start("inner"))
    ref = family.launch(nested, "after")
    await settle()
    assert family.happened() == ["inner starts"]
    gate.set()
    await settle()
    assert family.happened() == ["after starts", "all up"]
    await ref.stop()
    assert family.happened() == ["after stops", "inner stops"]


async def test_a_crash_during_start_is_retried_with_backoff_and_holds_up_the_rest():
    family = Family()
    family.failing["b"] = BugError("not yet")
    ref = family.launch("a", "b", "c")
    await settle()
    assert family.happened() == ["a starts", "b starts"]
    assert len(family.clock.armed) == 1
    del family.failing["b"]
    await family.clock.advance(MOST_BACKOFF)
    assert family.happened() == ["b starts", "c starts", "all up"]
    await ref.stop()


async def test_a_child_that_cannot_even_be_made_is_retried_like_one_that_crashed():
    family = Family()
    attempts = []

    def start():
        attempts.append(1)
        if len(attempts) < 3:
            raise BugError("no actor")
        return family.spec("late").start()

    ref = family.launch(ChildSpec("late", start), "after")
    await family.clock.advance(3 * MOST_BACKOFF)
    assert len(attempts) == 3
    assert family.happened() == ["late starts", "after starts", "all up"]
    await ref.stop()


async def test_a_stop_while_starting_stops_what_was_started_and_starts_nothing_more():
    family = Family()
    gate = family.close("b", "start")
    ref = family.launch("a", "b", "c")
    await settle()
    stopping = ref.stop()
    await settle()
    gate.set()
    assert await stopping is True
    assert family.happened() == ["a starts", "b starts", "b stops", "a stops"]


async def test_a_stop_before_the_first_step_starts_nothing():
    family = Family()
    ref = family.launch("a")
    ref.kill()
    await ref.stop()
    assert family.happened() == []


async def test_a_stop_while_a_restart_waits_for_its_backoff_never_restarts():
    family = Family()
    ref = family.launch("a", "b")
    await settle()
    await family.end("b", ExitReason.CRASH, BugError("bug"))
    family.happened()
    assert await ref.stop() is True
    assert family.clock.armed == []
    assert family.happened() == ["a stops"]


async def test_a_busy_child_may_finish_its_handler_within_the_deadline():
    family = Family()
    ref = family.launch("a")
    gate = family.close("a", "work")
    await settle()
    family.refs["a"].tell("work")
    await settle()
    family.happened()
    stopping = ref.stop()
    await family.clock.advance(DEADLINE - 1)
    assert not stopping.done()
    gate.set()
    await stopping
    assert family.happened() == ["a stops"]


@pytest.mark.parametrize("hook", ["start", "work", "stop"])
async def test_a_child_that_does_not_stop_in_time_is_cancelled_and_the_others_still_stop(hook):
    family = Family()
    family.close("b", hook)
    ref = family.launch("a", "b")
    await settle()
    family.refs["b"].tell("work")
    await settle()
    family.happened()
    stopping = ref.stop()
    await family.clock.advance(DEADLINE)
    assert await stopping is True
    assert family.happened()[-2:] == ["b is cancelled", "a stops"]


async def test_a_child_that_cannot_be_cancelled_is_given_up_after_a_second_deadline(caplog):
    family = Family()
    ref = family.launch("a", "b")
    await settle()
    deaf = family.close("b", "work", deaf=True)
    family.refs["b"].tell("work")
    await settle()
    stopping = ref.stop()
    await family.clock.advance(2 * DEADLINE)
    assert await stopping is True
    assert "b cannot be cancelled" in caplog.text
    assert family.happened()[-1] == "a stops"
    deaf.set()
    await settle()


async def test_a_supervisor_that_is_killed_cancels_its_children_too():
    family = Family()
    ref = family.launch("a", "b")
    family.close("a", "stop")
    family.close("b", "stop")
    await settle()
    stopping = ref.stop()
    await settle()
    ref.kill()
    await settle()
    assert stopping.done()
    assert not any(child.is_alive() for child in family.refs.values())
    assert "b is cancelled" in family.happened()


async def test_a_child_that_crashes_while_it_is_stopped_is_logged_and_the_rest_stops(caplog):
    family = Family()
    gate = family.close("b", "work")
    ref = family.launch("a", "b")
    await settle()
    family.refs["b"].tell("work")
    await settle()
    stopping = ref.stop()
    actor_of(family.refs["b"]).on_stop = None
    gate.set()
    await stopping
    assert "failed in its end" in caplog.text
    assert family.happened()[-1] == "a stops"


async def test_the_tree_shows_every_child_and_is_json():
    family = Family()
    nested = ChildSpec("nested", lambda: family.start("inner"))
    ref = family.launch(nested, family.spec("b", Restart.TRANSIENT))
    await settle()
    await family.end("b", ExitReason.CRASH, BugError("bug"))
    tree = json.loads(await rendered(actor_of(ref).tree))
    first, second = tree["children"]
    assert (first["name"], first["phase"]) == ("nested", "up")
    assert first["actor"]["children"][0]["name"] == "inner"
    assert (second["phase"], second["actor"]) == ("backoff", None)
    assert second["last_error"] == "BugError: bug"
    assert second["restart"] == "transient"
    await ref.stop()


async def test_a_start_that_gives_an_actor_that_is_gone_is_a_crash_not_a_wait_for_ever():
    family = Family()
    dead = family.spec("dead").start()
    await dead.stop()
    family.launch(ChildSpec("again", lambda: dead), most=0)
    await settle()
    assert [end.reason for end in family.exits] == [ExitReason.CRASH]


async def test_two_children_of_one_name_are_refused():
    family = Family()
    with pytest.raises(ValueError, match="same name"):
        family.launch("a", "a")
