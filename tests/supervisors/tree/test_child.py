"""One child over its lives: numbers, news and mail."""

from actors.runtime.lifecycle import ExitReason
from actors.runtime.mail import Mail
from supervisors.tree.child import Child, ChildDue, ChildExited
from tests.actor_examples import BugError, Probe, fake_runtime, reconcile
from tests.fake_clock import settle


class Parent:
    """Writes down the news, and rescues the mail of a child that exits."""

    def __init__(self):
        self.runtime, self.clock, _ = fake_runtime()
        self.news: list = []
        self.log: list = []
        self.child = Child("child", self)

    def now(self):
        return self.clock.monotonic()

    def post(self, news):
        self.news.append(news)

    def child_exited(self, news, mail: Mail | None):
        self.news.append(news)
        if mail is not None:
            news.child.rescue(mail)

    def make(self):
        return Probe.start(self.runtime, self.log)


async def test_each_start_is_the_next_life_and_news_of_an_older_life_is_not_current():
    parent = Parent()
    parent.child.start(parent.make)
    parent.child.deliver(BugError("bug"), parent.clock)
    await settle()
    [exited] = parent.news
    assert isinstance(exited, ChildExited)
    assert (exited.life, exited.exit.reason) == (1, ExitReason.CRASH)
    assert parent.child.current(exited)
    parent.child.start(parent.make)
    assert parent.child.life == 2
    assert not parent.child.current(exited)
    await settle()
    parent.child.stop_soon()
    await settle()


async def test_mail_that_an_actor_leaves_and_mail_that_comes_without_one_go_to_the_next_life():
    parent = Parent()
    parent.child.start(parent.make)
    for message in (BugError("bug"), "behind", reconcile("spec")):
        parent.child.deliver(message, parent.clock)
    await settle()
    parent.child.deliver("between", parent.clock)
    parent.log.clear()
    parent.child.start(parent.make)
    await settle()
    assert parent.log == ["start", "behind", "between", {"spec"}]
    assert parent.child.waiting is None
    parent.child.stop_soon()
    await settle()


async def test_a_child_that_cannot_be_made_exits_and_keeps_its_mail(caplog):
    def make():
        raise BugError("no actor")

    parent = Parent()
    parent.child.deliver("early", parent.clock)
    parent.child.start(make)
    [exited] = parent.news
    assert isinstance(exited.exit.error, BugError)
    assert "child crashed" in caplog.text
    parent.child.start(parent.make)
    await settle()
    assert parent.log == ["start", "early"]
    parent.child.stop_soon()
    await settle()


async def test_a_child_that_is_stopped_while_it_backs_off_is_never_due():
    parent = Parent()
    parent.child.start_after(5, parent.clock)
    assert parent.child.stop_soon() is False
    await parent.clock.advance(5)
    assert parent.news == []
    parent.child.start_after(5, parent.clock)
    await parent.clock.advance(5)
    assert parent.news == [ChildDue(parent.child, 0)]


async def test_the_trace_survives_a_crash_and_the_log_has_the_message_the_trace_and_the_attempt(
    caplog,
):
    parent = Parent()
    parent.child.start(parent.make)
    for message in (reconcile("before"), BugError("bug")):
        parent.child.deliver(message, parent.clock)
        await settle()
    assert "child crashed, attempt 1; its last messages, newest first: BugError" in caplog.text
    assert "Reconcile (changed Falco before), 0.000 s, 0 requests, done" in caplog.text
    parent.child.start_after(5.0, parent.clock)
    await parent.clock.advance(2.0)
    waits = parent.child.waits()
    assert waits is not None
    assert (waits["error"], waits["due"]) == ("BugError: bug", 3.0)
    assert [entry["message"] for entry in waits["trace"]] == ["Reconcile", "BugError"]
    parent.child.start(parent.make)
    parent.child.deliver(reconcile("after"), parent.clock)
    await settle()
    assert parent.child.waits() is None
    assert parent.child.ref is not None
    trace = parent.child.ref.describe()["trace"]
    assert [entry["message"] for entry in trace] == ["Reconcile", "BugError", "Reconcile"]
    parent.child.stop_soon()
    await settle()
