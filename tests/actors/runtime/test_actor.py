"""One actor: the order of its mail, its hooks, its crash."""

import asyncio
import json
import weakref

import pykka
import pytest

from actors.runtime.actor import BATCH, Actor
from actors.runtime.lifecycle import ExitReason
from actors.runtime.results import Blocked, Done
from tests.actor_examples import BugError, Probe, actor_of, exits_of, fake_runtime, reconcile
from tests.fake_clock import settle


async def test_on_start_runs_before_the_first_message():
    log: list = []
    ref = Probe.start(fake_runtime()[0], log)
    ref.tell("hello")
    assert log == []
    await settle()
    assert log == ["start", "hello"]


async def test_control_messages_are_served_in_order_and_before_the_pending_reconcile():
    log: list = []
    ref = Probe.start(fake_runtime()[0], log)
    for message in (reconcile("spec"), "first", reconcile("child"), "second"):
        ref.tell(message)
    await settle()
    assert log == ["start", "first", "second", {"spec", "child"}]


async def test_mail_that_arrives_during_a_run_makes_exactly_one_more_run():
    log: list = []
    gate = asyncio.Event()
    ref = Probe.start(fake_runtime()[0], log, [gate])
    ref.tell(reconcile("spec"))
    await settle()
    for _ in range(50):
        ref.tell(reconcile("child"))
    gate.set()
    await settle()
    assert log == ["start", {"spec"}, {"child"}]


async def test_an_idle_actor_has_no_task_and_holds_no_container():
    before = asyncio.all_tasks()
    ref = Probe.start(fake_runtime()[0], [])
    await settle()
    assert asyncio.all_tasks() == before
    actor = ref.actor_inbox.actor
    assert actor is not None
    assert actor._task is None
    assert actor._trace is None
    assert ref.actor_inbox._control is None
    assert ref.actor_inbox._reasons is None
    ref.tell("hello")
    assert actor._task is not None
    await settle()
    assert actor._task is None
    assert ref.actor_inbox._control is None


async def test_a_ref_keeps_its_actor_alive():
    log: list = []
    ref = Probe.start(fake_runtime()[0], log)
    await settle()
    ref.tell("still there")
    await settle()
    assert log[-1] == "still there"


async def test_a_ref_of_an_actor_that_is_gone_holds_nothing_of_it():
    ref = Probe.start(fake_runtime()[0], [])
    await settle()
    actor = weakref.ref(actor_of(ref))
    await ref.stop()
    await settle()
    assert actor() is None
    with pytest.raises(pykka.ActorDeadError):
        exits_of(ref)


async def test_a_long_backlog_lets_the_rest_of_the_loop_have_its_turn():
    log: list = []
    ref = Probe.start(fake_runtime()[0], log)
    for number in range(3 * BATCH):
        ref.tell(number)
    turns = 0
    while len(log) <= 3 * BATCH:
        await asyncio.sleep(0)
        turns += 1
    assert turns >= 3


async def test_actors_are_not_in_the_list_that_pykka_searches():
    Probe.start(fake_runtime()[0], [])
    assert pykka.ActorRegistry.get_all() == []
    await settle()


async def test_a_crash_of_a_told_message_ends_the_actor_through_on_failure():
    log: list = []
    runtime, _, observer = fake_runtime()
    ref = Probe.start(runtime, log)
    exits = exits_of(ref)
    bug = BugError("bug")
    ref.tell(bug)
    ref.tell("never seen")
    await settle()
    assert log == ["start", bug, ("failure", BugError, bug, True)]
    assert [(end.reason, end.error) for end in exits] == [(ExitReason.CRASH, bug)]
    assert observer.events == [("started", "Probe"), ("exited", "Probe", "crash")]
    with pytest.raises(pykka.ActorDeadError):
        ref.tell("too late")


async def test_a_crash_in_on_start_is_an_exit_like_any_other():
    class Stillborn(Probe):
        async def on_start(self):
            raise BugError("stillborn")

    log: list = []
    ref = Stillborn.start(fake_runtime()[0], log)
    exits = exits_of(ref)
    ref.tell("never seen")
    await settle()
    assert [end.reason for end in exits] == [ExitReason.CRASH]
    assert log[0][:2] == ("failure", BugError)


async def test_a_cancelled_future_that_a_handler_waited_for_is_a_crash_not_a_stop():
    class Waiting(Probe):
        async def on_receive(self, message):
            await message

    ref = Waiting.start(fake_runtime()[0], [])
    exits = exits_of(ref)
    future = asyncio.get_running_loop().create_future()
    ref.tell(future)
    await settle()
    future.cancel()
    await settle()
    assert [end.reason for end in exits] == [ExitReason.CRASH]


async def test_a_reconcile_that_ends_with_no_result_is_a_crash():
    ref = Probe.start(fake_runtime()[0], [], [42])
    exits = exits_of(ref)
    ref.tell(reconcile("spec"))
    await settle()
    assert isinstance(exits[0].error, TypeError)


async def test_an_actor_that_nobody_is_linked_to_logs_its_crash(caplog):
    ref = Probe.start(fake_runtime()[0], [])
    ref.tell(BugError("lonely"))
    await settle()
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [BugError]


async def test_a_failing_on_failure_is_logged_and_the_crash_is_still_reported(caplog):
    class Clumsy(Probe):
        async def on_failure(self, *_):
            raise ValueError("in the hook")

    ref = Clumsy.start(fake_runtime()[0], [])
    exits = exits_of(ref)
    ref.tell(BugError("bug"))
    await settle()
    assert isinstance(exits[0].error, BugError)
    assert "failed in its end" in caplog.text


async def test_an_actor_without_hooks_warns_of_mail_that_it_does_not_know(caplog):
    ref = Actor.start(fake_runtime()[0])
    ref.tell(42)
    ref.tell(reconcile("spec"))
    await settle()
    assert "does not know the message int" in caplog.text
    assert "does not reconcile (changed Falco spec)" in caplog.text


async def test_the_kind_is_the_class_name_unless_the_class_or_the_actor_says_otherwise():
    class Named(Probe):
        kind = "Falco"

    runtime, _, observer = fake_runtime()
    Named.start(runtime, [])
    special = Probe(runtime, [])
    special.kind = "watch falcos"
    special.launch()
    await settle()
    assert observer.events == [("started", "Falco"), ("started", "watch falcos")]


async def test_a_description_shows_what_the_actor_is_at_and_is_json():
    runtime, clock, _ = fake_runtime()
    gate = asyncio.Event()
    ref = Probe.start(runtime, [], [Blocked("NameConflict"), gate])
    ref.tell(reconcile("spec"))
    await settle()
    ref.tell(reconcile("child"))
    await settle()
    await clock.advance(5)
    ref.tell("later")
    ref.tell(reconcile("timer"))
    described = ref.describe()
    assert described["running"] == {"message": "Reconcile", "seconds": 5.0, "waits": {}}
    assert described["mail"] == {"control": 1, "reconcile": ["timer"]}
    assert (described["kind"], described["state"]) == ("Probe", "busy")
    assert [entry["outcome"] for entry in described["trace"]] == ["blocked: NameConflict"]
    json.dumps(described)
    gate.set()
    await settle()
    assert ref.describe()["running"] is None
    await ref.stop()
    assert ref.describe() == {"state": "stopped"}


async def test_the_observer_learns_kind_wait_and_outcome_of_each_message():
    runtime, clock, observer = fake_runtime()
    gate = asyncio.Event()
    ref = Probe.start(runtime, [], [gate, Blocked("Why"), Done()])
    ref.tell(reconcile("spec"))
    await settle()
    ref.tell(reconcile("one"))
    await clock.advance(2)
    ref.tell(reconcile("two"))
    gate.set()
    await settle()
    assert observer.handled == [("Probe", "done"), ("Probe", "blocked")]
    assert observer.waits == [0, 2]


async def test_a_second_link_is_refused_and_the_first_one_is_kept():
    ref = Probe.start(fake_runtime()[0], [])
    exits = exits_of(ref)
    with pytest.raises(RuntimeError, match="is linked already"):
        exits_of(ref)
    await ref.stop()
    assert [end.reason for end in exits] == [ExitReason.SHUTDOWN]


async def test_what_is_told_before_the_launch_is_refused_aloud():
    log: list = []
    actor = Probe(fake_runtime()[0], log)
    with pytest.raises(pykka.ActorDeadError):
        actor.actor_ref.tell("too early")
    ref = actor.launch()
    ref.tell("hello")
    await settle()
    assert log == ["start", "hello"]
    await ref.stop()
