"""The order of mail, and what coalesces; then the same against a model."""

import asyncio
from typing import Any

import pykka
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from actors.runtime.lifecycle import NORMAL
from actors.runtime.mail import Mail, Reconcile, Stop
from actors.runtime.reason import MOST_REASONS, Cause, Reason
from tests.actor_examples import reconcile, words_of


def drained(mail):
    letters = []
    while (letter := mail.take()) is not None:
        letters.append(letter)
    return letters


def test_reconciles_coalesce_into_one_with_all_reasons_and_the_age_of_the_oldest():
    mail = Mail()
    mail.add(reconcile("spec"), None, 1.0)
    mail.add(reconcile("child"), None, 2.0)
    mail.add(reconcile("spec"), None, 3.0)
    assert mail.depth == 1
    [letter] = drained(mail)
    assert words_of(letter.message) == {"spec", "child"}
    assert (letter.reply_to, letter.at) == (None, 1.0)


def test_a_reason_came_when_a_watch_told_it_or_else_when_it_was_sent():
    mail = Mail()
    mail.add(Reconcile(Reason(Cause.CHANGED, "Pod", "p"), 0.5), None, 1.0)
    mail.add(Reconcile(Reason(Cause.TIMER)), None, 2.0)
    [letter] = drained(mail)
    assert [seen.first for seen in letter.message.sightings(9)] == [0.5, 2.0]
    assert letter.at == 1.0


def test_reasons_beyond_the_cap_lose_their_names_but_neither_cause_nor_kind():
    mail = Mail()
    for number in range(1000):
        mail.add(reconcile(f"reason-{number}"), None, 0)
    assert len(mail.reasons) == MOST_REASONS + 1
    assert Reason(Cause.CHANGED, "Falco") in mail.reasons
    assert mail.reasons.omitted == 1000 - MOST_REASONS - 1
    mail.add(reconcile("reason-0"), None, 0)
    mail.add(Reconcile(Reason(Cause.DELETED, "Pod", "late")), None, 0)
    assert len(mail.reasons) == MOST_REASONS + 2
    assert mail.reasons.have(Cause.DELETED, kind="Pod")


def test_a_stop_comes_first_whatever_waits():
    mail = Mail()
    mail.add("message", None, 0)
    mail.add(reconcile("spec"), None, 0)
    mail.add(Stop(NORMAL), None, 0)
    assert [letter.name for letter in drained(mail)] == ["Stop", "str", "Reconcile"]


def test_empty_mail_holds_nothing():
    mail = Mail()
    assert (mail.empty(), mail.depth, mail.take()) == (True, 0, None)
    mail.add("message", None, 0)
    mail.add(reconcile("spec"), None, 0)
    drained(mail)
    assert (mail._control, mail._reasons) == (None, None)


def test_mail_of_a_predecessor_goes_behind_with_its_age_but_without_its_stops():
    former, mail = Mail(), Mail()
    for at, message in enumerate(["first", reconcile("spec"), Stop(), "second"]):
        former.add(message, None, at)
    mail.add("before", None, 9)
    mail.absorb(former)
    *control, last = drained(mail)
    assert control == [("before", None, 9), ("first", None, 0), ("second", None, 3)]
    assert (words_of(last.message), last.reply_to, last.at) == ({"spec"}, None, 1)
    assert [letter.name for letter in drained(former)] == ["Stop"]


async def test_refused_mail_answers_its_askers():
    mail, loop = Mail(), asyncio.get_running_loop()
    question, stop = loop.create_future(), loop.create_future()
    mail.add("question", question, 0)
    mail.add("told", None, 0)
    mail.add(Stop(), stop, 0)
    mail.refuse()
    assert mail.empty()
    assert await stop is True
    with pytest.raises(pykka.ActorDeadError):
        await question


REASONS = st.builds(
    Reason,
    st.sampled_from([Cause.CHANGED, Cause.DELETED, Cause.TIMER]),
    st.sampled_from(["", "Pod", "Node"]),
    st.text("abc", max_size=3),
    st.sampled_from(["", "1", "2"]),
)


class MailModel(RuleBasedStateMachine):
    """Mail against the plainest model of it: a list of stops, a list of control, a table."""

    def __init__(self):
        super().__init__()
        self.mail = Mail()
        self.stops = 0
        self.control: list = []
        self.reasons: dict[tuple[str, str, str], Reason] = {}
        self.numbers = iter(range(10**9))

    @rule(reason=REASONS)
    def tell_reconcile(self, reason):
        self.mail.add(Reconcile(reason), None, next(self.numbers))
        self.reasons[reason.cause, reason.kind, reason.name] = reason

    @rule(reasons=st.lists(REASONS, max_size=40))
    def absorb(self, reasons):
        other = Mail()
        for reason in reasons:
            other.add(Reconcile(reason), None, next(self.numbers))
            self.reasons[reason.cause, reason.kind, reason.name] = reason
        self.mail.absorb(other)

    @rule()
    def tell_other(self):
        message = next(self.numbers)
        self.mail.add(message, None, message)
        self.control.append(message)

    @rule()
    def tell_stop(self):
        self.mail.add(Stop(), None, next(self.numbers))
        self.stops += 1

    @rule()
    def take(self):
        letter: Any = self.mail.take()
        if self.stops:
            self.stops -= 1
            assert type(letter.message) is Stop
        elif self.control:
            assert letter.message == self.control.pop(0)
        elif self.reasons:
            self.assert_no_reason_lost(letter.message)
            self.reasons = {}
        else:
            assert letter is None

    def assert_no_reason_lost(self, taken):
        told = self.reasons.values()
        if len(told) <= MOST_REASONS:
            assert set(taken) == set(told)
        assert {(r.cause, r.kind) for r in taken} == {(r.cause, r.kind) for r in told}
        assert len(taken) <= MOST_REASONS + len({(r.cause, r.kind) for r in told})

    @invariant()
    def depth_counts_control_and_at_most_one_reconcile(self):
        assert self.mail.control == self.stops + len(self.control)
        assert self.mail.depth == self.mail.control + bool(self.reasons)
        assert self.mail.empty() == (self.mail.depth == 0)


MailModel.TestCase.settings = settings(stateful_step_count=60)
test_mail_behaves_as_its_model = MailModel.TestCase
