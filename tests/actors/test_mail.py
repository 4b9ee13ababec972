"""The order of mail, and what coalesces; then the same against a model."""

from typing import Any

import pykka
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from actors.exits import NORMAL
from actors.future import Future
from actors.mail import MOST_REASONS, OTHERS, Mail, Reconcile, Run, Stop


def drained(mail):
    letters = []
    while (letter := mail.take()) is not None:
        letters.append(letter)
    return letters


def test_reconciles_coalesce_into_one_with_all_reasons_and_the_age_of_the_oldest():
    mail = Mail()
    mail.add(Reconcile("spec"), None, 1.0)
    mail.add(Reconcile("child"), None, 2.0)
    mail.add(Reconcile("spec"), None, 3.0)
    assert mail.depth == 1
    assert drained(mail) == [(Run(frozenset({"spec", "child"})), None, 1.0)]


def test_reasons_beyond_the_cap_are_summed_up():
    mail = Mail()
    for number in range(1000):
        mail.add(Reconcile(f"reason-{number}"), None, 0)
    assert len(mail.reasons) == MOST_REASONS + 1
    assert OTHERS in mail.reasons
    mail.add(Reconcile("reason-0"), None, 0)
    assert len(mail.reasons) == MOST_REASONS + 1


def test_a_stop_comes_first_whatever_waits():
    mail = Mail()
    mail.add("message", None, 0)
    mail.add(Reconcile("spec"), None, 0)
    mail.add(Stop(NORMAL), None, 0)
    assert [letter.name for letter in drained(mail)] == ["Stop", "str", "Reconcile"]


def test_empty_mail_holds_nothing():
    mail = Mail()
    assert (mail.empty(), mail.depth, mail.take()) == (True, 0, None)
    mail.add("message", None, 0)
    mail.add(Reconcile("spec"), None, 0)
    drained(mail)
    assert (mail._control, mail._reasons, mail._since) == (None, None, None)


def test_mail_of_a_predecessor_goes_behind_with_its_age_but_without_its_stops():
    former, mail = Mail(), Mail()
    for at, message in enumerate(["first", Reconcile("spec"), Stop(), "second"]):
        former.add(message, None, at)
    mail.add("before", None, 9)
    mail.absorb(former)
    assert drained(mail) == [
        ("before", None, 9),
        ("first", None, 0),
        ("second", None, 3),
        (Run(frozenset({"spec"})), None, 1),
    ]
    assert [letter.name for letter in drained(former)] == ["Stop"]


def test_refused_mail_answers_its_askers():
    mail, question, stop = Mail(), Future[str](), Future[bool]()
    mail.add("question", question, 0)
    mail.add("told", None, 0)
    mail.add(Stop(), stop, 0)
    mail.refuse()
    assert mail.empty()
    assert stop.get() is True
    with pytest.raises(pykka.ActorDeadError):
        question.get()


class MailModel(RuleBasedStateMachine):
    """Mail against the plainest model of it: a list of stops, a list of control, a set."""

    def __init__(self):
        super().__init__()
        self.mail = Mail()
        self.stops = 0
        self.control: list = []
        self.reasons: set[str] = set()
        self.numbers = iter(range(10**9))

    @rule(reason=st.sampled_from(["spec", "child", "timer", "restarted"]) | st.text(max_size=3))
    def tell_reconcile(self, reason):
        self.mail.add(Reconcile(reason), None, next(self.numbers))
        self.reasons.add(reason)

    @rule()
    def ask_reconcile(self):
        self.mail.add(Reconcile("asked"), Future(), next(self.numbers))
        self.control.append(Run(frozenset({"asked"})))

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
            self.assert_no_reason_lost(letter.message.reasons)
            self.reasons = set()
        else:
            assert letter is None

    def assert_no_reason_lost(self, taken):
        if len(self.reasons) <= MOST_REASONS:
            assert taken == self.reasons
        else:
            assert OTHERS in taken
            assert taken - {OTHERS} <= self.reasons

    @invariant()
    def depth_counts_control_and_at_most_one_reconcile(self):
        assert self.mail.control == self.stops + len(self.control)
        assert self.mail.depth == self.mail.control + bool(self.reasons)
        assert self.mail.empty() == (self.mail.depth == 0)


MailModel.TestCase.settings = settings(stateful_step_count=60)
test_mail_behaves_as_its_model = MailModel.TestCase
