"""One actor for each object: made on delivery, forgotten when it retires, stopped together."""

import asyncio
import json

import pykka
import pytest

from actors.runtime.backoff import Backoff
from actors.runtime.lifecycle import ExitReason
from actors.runtime.results import Retire
from supervisors.debug.description import rendered
from supervisors.tree.child_spec import ChildSpec
from supervisors.tree.intensity import Intensity
from supervisors.tree.supervisor import Supervisor
from tests.actor_examples import BugError, Probe, reconcile
from tests.fake_clock import settle
from tests.supervisors.tree.crowd import DEADLINE, MOST_BACKOFF, Crowd, ref_of


async def test_the_first_delivery_starts_an_actor_and_later_ones_reach_the_same():
    crowd = Crowd()
    await crowd.deliver("a", reconcile("listed"), "hello")
    await crowd.deliver("a", "again")
    assert crowd.log["a"] == ["start", "hello", {"listed"}, "again"]
    assert (crowd.supervisor.alive, crowd.supervisor.parked) == (1, 0)
    await crowd.stop()


async def test_its_population_is_counted_by_kind():
    crowd = Crowd()
    crowd.supervisor.deliver(ref_of("a"), reconcile("listed"))
    crowd.supervisor.deliver(ref_of("b")._replace(kind="Component"), reconcile("listed"))
    counts = [(one.kind, one.parked, one.mail) for one in crowd.supervisor.population("Falco", "X")]
    assert counts == [("Falco", 0, 1), ("X", 0, 0)]
    await crowd.stop()


async def test_a_retired_actor_is_forgotten_and_the_next_delivery_starts_a_fresh_one():
    crowd = Crowd()
    crowd.results["a"] = [Retire()]
    await crowd.deliver("a", reconcile("deleted"))
    assert crowd.supervisor.alive == 0
    await crowd.deliver("a", reconcile("created"))
    assert crowd.log["a"] == ["start", {"deleted"}, "stop", "start", {"created"}]
    await crowd.stop()


@pytest.mark.parametrize("steps", range(12))
async def test_no_message_is_lost_between_retiring_and_arriving_mail(steps):
    """Whatever loop step it comes in, the message is handled, by the old actor or by a new one."""
    crowd = Crowd()
    crowd.results["a"] = [Retire()]
    crowd.supervisor.deliver(ref_of("a"), reconcile("deleted"))
    for _ in range(steps):
        await asyncio.sleep(0)
    crowd.supervisor.deliver(ref_of("a"), "message")
    crowd.supervisor.deliver(ref_of("a"), reconcile("created"))
    await settle()
    assert crowd.log["a"].count("message") == 1
    assert any("created" in entry for entry in crowd.log["a"] if isinstance(entry, set))
    assert crowd.supervisor.alive == (steps > 0)
    await crowd.stop()


async def test_mail_that_comes_while_a_retiring_actor_is_in_its_on_stop_starts_a_fresh_one():
    crowd = Crowd()
    gate = crowd.slow_stop["a"] = asyncio.Event()
    crowd.results["a"] = [Retire()]
    await crowd.deliver("a", reconcile("deleted"))
    await crowd.deliver("a", "in between")
    assert crowd.log["a"] == ["start", {"deleted"}, "stop"]
    gate.set()
    await settle()
    assert crowd.log["a"][3:] == ["start", "in between"]
    await crowd.stop()


async def test_a_crash_is_restarted_with_backoff_and_one_reconcile_for_the_reason_restarted():
    crowd = Crowd()
    await crowd.deliver("a", BugError("bug"))
    assert crowd.log["a"].count("start") == 1
    await crowd.clock.advance(MOST_BACKOFF)
    assert crowd.log["a"][-2:] == ["start", {"restarted"}]
    assert ("restarted", "Falco") in crowd.observer.events
    await crowd.stop()


async def test_mail_behind_a_crash_and_during_the_backoff_reaches_the_successor_in_order():
    crowd = Crowd()
    await crowd.deliver("a", BugError("bug"), "behind", reconcile("spec"))
    await crowd.deliver("a", "during", reconcile("child"))
    before = len(crowd.log["a"])
    await crowd.clock.advance(MOST_BACKOFF)
    assert crowd.log["a"][before:] == ["start", "behind", "during", {"spec", "child", "restarted"}]
    await crowd.stop()


async def test_an_asker_behind_a_crash_gets_its_answer_from_the_successor():
    crowd = Crowd()
    await crowd.deliver("a", "hello")
    ref = crowd.refs["a"]
    ref.tell(BugError("bug"))
    answer = ref.ask("question")
    await crowd.clock.advance(MOST_BACKOFF)
    assert await answer == "question"
    await crowd.stop()


async def test_an_actor_that_cannot_even_be_made_is_retried_and_keeps_its_mail():
    crowd = Crowd()
    crowd.unmakeable["a"] = 1
    await crowd.deliver("a", reconcile("listed"))
    assert crowd.supervisor.alive == 1
    await crowd.clock.advance(MOST_BACKOFF)
    assert crowd.log["a"] == ["start", {"listed", "restarted"}]
    await crowd.stop()


async def test_an_actor_that_somebody_else_stopped_is_forgotten_like_a_retired_one():
    crowd = Crowd()
    await crowd.deliver("a", "hello")
    await crowd.refs["a"].stop()
    await settle()
    assert crowd.supervisor.alive == 0
    await crowd.stop()


async def test_stopping_stops_all_actors_at_once():
    crowd = Crowd()
    gates = [crowd.slow_stop.setdefault(name, asyncio.Event()) for name in "ab"]
    await crowd.deliver("a", "hello")
    await crowd.deliver("b", "hello")
    stopping = crowd.supervisor.actor_ref.stop()
    await settle()
    assert crowd.log["a"][-1] == crowd.log["b"][-1] == "stop"
    assert not stopping.done()
    for gate in gates:
        gate.set()
    assert await stopping is True
    assert crowd.clock.armed == []


async def test_actors_that_do_not_stop_within_the_one_deadline_are_cancelled():
    crowd = Crowd()
    crowd.slow_stop["a"] = asyncio.Event()
    await crowd.deliver("a", "hello")
    await crowd.deliver("b", asyncio.Event())
    await crowd.deliver("c", "hello")
    stopping = crowd.supervisor.actor_ref.stop()
    await crowd.clock.advance(DEADLINE)
    assert await stopping is True
    assert not any(ref.is_alive() for ref in crowd.refs.values())


async def test_stopping_ends_restarts_and_refuses_the_askers_that_waited_for_them():
    crowd = Crowd()
    await crowd.deliver("a", "hello")
    crowd.refs["a"].tell(BugError("bug"))
    asking = crowd.refs["a"].ask("question")
    await settle()
    await crowd.stop()
    assert crowd.clock.armed == []
    with pytest.raises(pykka.ActorDeadError):
        await asking


async def test_a_stopped_supervisor_drops_deliveries():
    crowd = Crowd()
    await crowd.stop()
    await crowd.deliver("a", "too late")
    assert crowd.log["a"] == []


async def test_a_killed_supervisor_cancels_its_actors():
    crowd = Crowd()
    crowd.slow_stop["a"] = asyncio.Event()
    await crowd.deliver("a", "hello")
    stopping = crowd.supervisor.actor_ref.stop()
    await settle()
    crowd.supervisor.actor_ref.kill()
    assert await stopping is True
    await settle()
    assert not crowd.refs["a"].is_alive()


async def test_children_cost_no_task_while_they_are_idle():
    crowd = Crowd()
    await settle()
    before = asyncio.all_tasks()
    for number in range(1000):
        crowd.supervisor.deliver(ref_of(str(number)), reconcile("listed"))
    await settle()
    assert crowd.supervisor.alive == 1000
    assert asyncio.all_tasks() == before
    await crowd.stop()


async def test_the_tree_shows_every_actor_and_every_parked_object_and_is_json():
    crowd = Crowd(most=0)
    await crowd.deliver("a", "hello")
    await crowd.deliver("b", BugError("bug"))
    tree = json.loads(await rendered(crowd.supervisor.tree))
    assert tree["name"] == "falcos"
    assert [child["object"] for child in tree["children"]] == ["Falco/default/a"]
    assert tree["children"][0]["actor"]["kind"] == "Probe"
    (parked,) = tree["parked"]
    assert (parked["object"], parked["error"]) == ("Falco/default/b", "BugError: bug")
    assert [line["outcome"] for line in parked["trace"]] == ["crash: BugError"]
    await crowd.stop()


async def test_one_object_is_described_and_no_other_is(monkeypatch):
    crowd = Crowd(most=0)
    await crowd.deliver("a", "hello")
    await crowd.deliver("b", BugError("bug"))
    await crowd.deliver("c", "hello")
    described = []

    def describe(actor):
        described.append(actor.log)
        return {"x": 1}

    monkeypatch.setattr(Probe, "describe", describe)
    above = Supervisor(
        crowd.runtime,
        "operator",
        [ChildSpec("crowd", lambda: crowd.supervisor.actor_ref)],
        intensity=Intensity(3, 60),
        backoff=Backoff(1, 4),
    )
    root = above.launch()
    await settle()
    living, parked, unknown = (above.find(ref_of(name)) for name in ("a", "b", "z"))
    entry = {"object": "Falco/default/a", "actor": {"x": 1}, "waits": None}
    assert json.loads(await rendered(living)) == entry
    assert parked is not None
    assert (parked["object"], parked["error"]) == ("Falco/default/b", "BugError: bug")
    assert unknown is None
    assert described == [crowd.log["a"]]
    await root.stop()


@pytest.mark.parametrize("by", ["retry", "change"])
async def test_a_trace_goes_on_after_the_object_was_parked(by):
    crowd = Crowd(most=0)
    await crowd.deliver("a", BugError("bug"))
    assert crowd.supervisor.parked == 1
    if by == "change":
        crowd.versions["a"] = 2
        await crowd.deliver("a", reconcile("spec"))
    else:
        await crowd.clock.advance(600)
    entry = crowd.supervisor.find(ref_of("a"))
    assert entry is not None
    trace = entry["actor"]()["trace"]
    assert [line["outcome"] for line in trace] == ["crash: BugError", "done"]
    await crowd.stop()


async def test_an_actor_that_crashes_a_thousand_times_leaves_its_neighbours_undisturbed():
    crowd = Crowd(most=10_000)
    for name in ("left", "right"):
        await crowd.deliver(name, reconcile("listed"))
    for number in range(1000):
        for name in ("left", "right"):
            crowd.supervisor.deliver(ref_of(name), number)
        await crowd.deliver("bad", BugError(str(number)))
        await crowd.clock.advance(MOST_BACKOFF)
    assert crowd.log["bad"].count("start") == 1001
    for name in ("left", "right"):
        assert crowd.log[name] == ["start", {"listed"}, *range(1000)]
    exited = [event for event in crowd.observer.events if event[0] == "exited"]
    assert exited == [("exited", "Probe", str(ExitReason.CRASH))] * 1000
    await crowd.stop()


async def test_the_dump_shows_when_a_restart_is_due_and_why_and_which_attempt_it_is():
    crowd = Crowd()
    await crowd.deliver("a", BugError("bug"))
    await crowd.clock.advance(MOST_BACKOFF)
    await crowd.deliver("a", BugError("bug"))
    entry = crowd.supervisor.find(ref_of("a"))
    assert entry is not None
    assert entry["actor"] is None
    waits = entry["waits"]
    assert (waits["attempt"], waits["error"]) == (2, "BugError: bug")
    assert 0 < waits["due"] <= MOST_BACKOFF
    assert [line["message"] for line in waits["trace"]] == ["BugError", "Reconcile", "BugError"]
    await crowd.stop()
