"""Who is restarted after which exit, with whom, and how often."""

from actors.runtime.backoff import Backoff
from actors.runtime.lifecycle import ExitReason
from actors.runtime.mail import Stop
from supervisors.tree.child_spec import ChildSpec, Restart
from supervisors.tree.intensity import TooManyRestarts
from supervisors.tree.supervisor import Strategy
from tests.actor_examples import BugError
from tests.fake_clock import settle
from tests.supervisors.tree.family import DEADLINE, EACH_RESTART, MOST_BACKOFF, Family

BUG = BugError("bug")


@EACH_RESTART
async def test_a_child_is_restarted_by_its_type_and_the_reason_of_its_exit(restart, reason, again):
    family = Family()
    ref = family.launch(family.spec("child", restart))
    await settle()
    family.happened()
    await family.end("child", reason, BUG if reason is ExitReason.CRASH else None)
    await family.clock.advance(MOST_BACKOFF)
    assert ("child starts" in family.happened()) is again
    assert (("restarted", "Member") in family.observer.events) is again
    assert family.exits == []
    await ref.stop()


async def test_one_for_one_restarts_the_crashed_child_only():
    family = Family()
    ref = family.launch("a", "b", "c")
    await settle()
    family.happened()
    await family.end("b", ExitReason.CRASH, BUG)
    await family.clock.advance(MOST_BACKOFF)
    assert family.happened() == ["b starts"]
    await ref.stop()


async def test_rest_for_one_stops_the_later_ones_in_reverse_and_starts_them_again_in_order():
    family = Family()
    ref = family.launch("a", "b", "c", "d", strategy=Strategy.REST_FOR_ONE)
    await settle()
    family.happened()
    await family.end("b", ExitReason.CRASH, BUG)
    assert family.happened() == ["d stops", "c stops"]
    await family.clock.advance(MOST_BACKOFF)
    assert family.happened() == ["b starts", "c starts", "d starts"]
    await ref.stop()
    assert family.happened() == ["d stops", "c stops", "b stops", "a stops"]


async def test_rest_for_one_brings_back_ended_transient_children_but_no_temporary_ones():
    family = Family()
    children = family.spec("b", Restart.TRANSIENT), family.spec("c", Restart.TEMPORARY)
    ref = family.launch("a", *children, strategy=Strategy.REST_FOR_ONE)
    await settle()
    await family.end("b", ExitReason.NORMAL)
    family.happened()
    await family.end("a", ExitReason.CRASH, BUG)
    await family.clock.advance(MOST_BACKOFF)
    assert family.happened() == ["c stops", "a starts", "b starts"]
    await ref.stop()


async def test_rest_for_one_with_two_crashes_at_once_restarts_from_the_first():
    family = Family()
    ref = family.launch("a", "b", "c", strategy=Strategy.REST_FOR_ONE)
    await settle()
    family.happened()
    family.refs["c"].tell(BUG)
    family.refs["a"].tell(BUG)
    await settle()
    assert family.happened() == ["b stops"]
    await family.clock.advance(MOST_BACKOFF)
    assert family.happened() == ["a starts", "b starts", "c starts"]
    await ref.stop()


async def test_a_transient_child_that_ends_in_its_start_lets_the_next_one_start():
    family = Family()
    gate = family.close("a", "start")
    ref = family.launch(family.spec("a", Restart.TRANSIENT), "b")
    await settle()
    family.refs["a"].tell(Stop())
    gate.set()
    await settle()
    assert family.happened() == ["a starts", "a stops", "b starts", "all up"]
    await ref.stop()


async def test_restarts_wait_longer_each_time_until_the_child_was_up_for_a_window(monkeypatch):
    family = Family()
    attempts = []

    def delay(_, attempt, __):
        attempts.append(attempt)
        return 1.0

    monkeypatch.setattr(Backoff, "delay", delay)
    ref = family.launch("a", most=10)
    await settle()
    for _ in range(3):
        await family.end("a", ExitReason.CRASH, BUG)
        await family.clock.advance(1)
    await family.clock.advance(61)
    await family.end("a", ExitReason.CRASH, BUG)
    assert attempts == [0, 1, 2, 0]
    await ref.stop()


async def crash_beside_a_deaf_actor(family, crashed, *, deaf):
    """One actor crashes while another cannot be cancelled, which is never started a second time."""
    door = family.close(deaf, "work", deaf=True)
    family.refs[deaf].tell("work")
    await family.end(crashed, ExitReason.CRASH, BUG)
    await family.clock.advance(2 * DEADLINE + MOST_BACKOFF)
    assert str(family.exits[0].error) == f"cannot be cancelled: {deaf}"
    assert family.happened().count(f"{deaf} starts") == 1
    door.set()
    await settle()


async def test_an_actor_that_cannot_be_cancelled_ends_the_supervisor_instead_of_meeting_another():
    family = Family()
    family.launch("a", "b", strategy=Strategy.REST_FOR_ONE)
    await settle()
    await crash_beside_a_deaf_actor(family, "a", deaf="b")


async def test_what_cannot_be_cancelled_far_below_ends_every_supervisor_above():
    family = Family()
    nested = ChildSpec("nested", lambda: family.start("inner"))
    family.launch("a", nested, strategy=Strategy.REST_FOR_ONE)
    await settle()
    await crash_beside_a_deaf_actor(family, "a", deaf="inner")


async def test_a_nested_supervisor_that_gives_up_an_actor_by_itself_is_not_started_again():
    family = Family()
    nested = ChildSpec("nested", lambda: family.start("one", "two", most=0))
    family.launch(nested)
    await settle()
    await crash_beside_a_deaf_actor(family, "two", deaf="one")


async def test_one_restart_too_many_stops_all_in_reverse_and_escalates():
    family = Family()
    ref = family.launch("a", "b", "c", most=2)
    await settle()
    for _ in range(2):
        await family.end("b", ExitReason.CRASH, BUG)
        await family.clock.advance(MOST_BACKOFF)
    family.happened()
    await family.end("b", ExitReason.CRASH, BUG)
    assert family.happened() == ["c stops", "a stops"]
    [end] = family.exits
    assert end.reason is ExitReason.CRASH
    assert isinstance(end.error, TooManyRestarts)
    assert end.error.error is BUG
    assert not ref.is_alive()


async def test_restarts_spread_over_more_than_the_window_do_not_escalate():
    family = Family()
    ref = family.launch("a", most=2)
    await settle()
    for _ in range(10):
        await family.end("a", ExitReason.CRASH, BUG)
        await family.clock.advance(31)
    assert family.exits == []
    await ref.stop()


async def test_an_escalation_is_a_crash_that_the_supervisor_above_restarts():
    family = Family()
    nested = ChildSpec("nested", lambda: family.start("inner", most=0))
    ref = family.launch("first", nested, "last", strategy=Strategy.REST_FOR_ONE)
    await settle()
    family.happened()
    await family.end("inner", ExitReason.CRASH, BUG)
    assert family.happened() == ["last stops"]
    await family.clock.advance(MOST_BACKOFF)
    assert family.happened() == ["inner starts", "last starts"]
    await ref.stop()


async def test_each_crash_leaves_one_traceback_in_the_log_also_when_it_escalates(caplog):
    family = Family()
    nested = ChildSpec("nested", lambda: family.start("inner", most=0))
    ref = family.launch(nested)
    await settle()
    await family.end("inner", ExitReason.CRASH, BUG)
    tracebacks = [record for record in caplog.records if record.exc_info]
    assert [record.object for record in tracebacks] == ["inner"]
    assert "nested gave up: family: too many restarts, the last of inner" in caplog.text
    await ref.stop()


async def test_a_stop_while_later_children_are_being_stopped_ends_everything():
    family = Family()
    gate = family.close("c", "stop")
    ref = family.launch("a", "b", "c", strategy=Strategy.REST_FOR_ONE)
    await settle()
    await family.end("a", ExitReason.CRASH, BUG)
    stopping = ref.stop()
    family.happened()
    gate.set()
    assert await stopping is True
    assert family.happened() == ["b stops"]
    assert family.clock.armed == []
