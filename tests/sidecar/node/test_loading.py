"""When Falco is asked what it has loaded, and what is told of it."""

import random
from typing import Any

import pytest

from actors.runtime.context import Runtime
from actors.runtime.mail import Reconcile
from actors.runtime.reason import Cause, Reason
from resources.artifact.medium import Medium
from resources.artifact.nodereport import ArtifactReport
from resources.check.check_request import WebServer
from resources.node.falco_answer import FalcoAnswer
from resources.node.loaded import FileTimes
from resources.node.slots import Content, SlotId, SlotVersion
from resources.rules.versions import FalcoVersions
from sidecar.node.falco_client import FalcoAway
from sidecar.node.loading import Loading
from sidecar.node.state import FalcoIdentity, NodeState
from tests.fake_clock import EPOCH, FakeClock

A = "a" * 64
FILE = "50-03-x-inline.yaml"
START = int(EPOCH.timestamp() * 1e9)


class Falco:
    """Answers as it is told, and remembers when it was asked."""

    def __init__(self, clock):
        self.clock = clock
        self.rules = {}
        self.reloaded_at = 0.2
        self.versions = FalcoVersions()
        self.silent_for = 0
        """How many times it will not answer."""
        self.asked = []

    async def ask(self, server):
        assert server == WebServer()
        self.asked.append(self.clock.monotonic())
        if self.silent_for:
            self.silent_for -= 1
            raise FalcoAway("nobody is there")
        return FalcoAnswer(self.rules, START + int(self.reloaded_at * 1e9), self.versions)


class Node:
    """One Rulesfile is installed; Falco may have loaded it."""

    def __init__(self):
        self.clock = FakeClock()
        self.falco = Falco(self.clock)
        identity = FalcoIdentity(image_version="0.44.1")
        self.state = NodeState(lambda _reason: None, identity, 30.0)
        self.state.gate_opened = True
        self.told = []
        self.renewed = []
        self.learned = []
        self.went_on = []
        self.ref: Any = None
        self.install()
        self.state.loaded = self.state.installed

    def install(self):
        version = SlotVersion(FILE, "2026-01-01T00:00:00Z", Content(A, "origin"))
        slot = SlotId("Rulesfile", "x", "uid", Medium.INLINE)
        self.state.installed = {slot: version}
        self.state.reports = (
            ArtifactReport(kind="Rulesfile", name="x", uid="uid", revision="1", state="Programmed"),
        )
        now = START + int(self.clock.monotonic() * 1e9)
        self.state.times = FileTimes(0, {slot: now}, now)
        self.state.changes += 1

    def loading(self, ask=None):
        return Loading(
            Runtime(self.clock, random.Random(1)),
            self.state,
            ask,
            lambda: self.told.append(self.loaded()),
            lambda: self.renewed.append(self.clock.monotonic()),
            lambda: self.learned.append(self.state.versions),
            self.go_on,
        )

    def go_on(self):
        self.went_on.append(self.clock.monotonic())
        self.state.is_held = False

    def loaded(self):
        (report,) = self.state.loaded_reports()
        return report.loaded, report.loaded_reason


@pytest.fixture
async def node():
    made = Node()
    made.ref = made.loading(made.falco.ask).launch()
    yield made
    await made.ref.stop()


async def test_falco_is_asked_with_growing_steps_until_it_has_loaded_everything(node):
    await node.clock.advance(4.0)
    assert node.falco.asked == pytest.approx([0.0, 0.3, 0.75, 1.425, 2.4375, 3.95625])
    assert node.told == []
    node.falco.rules = {FILE: A}
    await node.clock.advance(2.0)
    assert node.told == [("True", None)]
    assert node.renewed == []


async def test_a_falco_that_has_loaded_everything_is_asked_every_five_minutes(node):
    node.falco.rules = {FILE: A}
    await node.clock.advance(3600.0)
    assert 12 <= len(node.falco.asked) <= 15
    assert node.told == [("True", None)]


async def test_a_change_that_falco_has_missed_is_renamed_anew_three_times_and_then_told(node):
    await node.clock.advance(600.0)
    assert len(node.renewed) == 3
    assert [int(at) for at in node.renewed] == [5, 13, 25]
    assert node.clock.monotonic() == 600.0
    assert node.told == [("False", "NotLoaded")]
    node.falco.rules = {FILE: A}
    await node.clock.advance(400.0)
    assert node.told[-1] == ("True", None)


async def test_a_short_silence_is_not_told(node):
    node.falco.rules = {FILE: A}
    await node.clock.advance(1.0)
    node.falco.silent_for = 3
    await node.clock.advance(600.0)
    assert node.falco.silent_for == 0
    assert node.told == [("True", None)]


async def test_a_long_silence_is_told_once_and_falco_is_found_again_within_seconds(node):
    node.falco.silent_for = 999
    await node.clock.advance(300.0)
    assert node.told == [("Unknown", "FalcoUnreachable")]
    assert node.renewed == []
    node.falco.silent_for, node.falco.rules = 0, {FILE: A}
    await node.clock.advance(10.0)
    assert node.told[1:] == [("True", None)]


async def test_a_falco_that_is_not_to_be_asked_is_said_to_be_so_at_once():
    node = Node()
    ref = node.loading().launch()
    await node.clock.advance(0.0)
    assert node.told == [("Unknown", "FalcoNotAsked")]
    await ref.stop()


async def test_a_falco_that_was_away_for_long_gets_its_time_anew(node):
    node.falco.silent_for = 10
    await node.clock.advance(36.0)
    assert node.falco.silent_for == 0
    assert node.told == [("Unknown", "FalcoUnreachable")]
    await node.clock.advance(60.0)
    assert len(node.renewed) == 3
    assert node.told[1:] == [(None, None), ("False", "NotLoaded")]


async def test_a_removal_that_falco_has_missed_is_brought_to_its_notice(node):
    node.falco.rules = {FILE: A}
    await node.clock.advance(10.0)
    node.install()  # of which nothing is new but that something else is gone
    await node.clock.advance(400.0)
    assert len(node.renewed) == 3


async def test_before_the_gate_is_open_there_is_no_falco_to_ask():
    node = Node()
    node.state.gate_opened = False
    ref = node.loading(node.falco.ask).launch()
    await node.clock.advance(60.0)
    assert (node.falco.asked, node.told, node.renewed) == ([], [], [])
    node.state.gate_opened, node.falco.rules = True, {FILE: A}
    await node.clock.advance(3.0)
    assert node.told == [("True", None)]
    await ref.stop()


async def test_what_waits_for_falco_goes_on_once_it_has_loaded_all_and_not_twice(node):
    node.state.is_held, node.state.left_alone_until = True, 2.0
    node.falco.reloaded_at = 0.05
    node.install()
    await node.clock.advance(1.0)
    assert (node.state.tells, node.went_on) == (True, [])
    node.falco.rules, node.falco.reloaded_at = {FILE: A}, 1.0
    node.install()  # at 1.0, of which the reload knows nothing
    await node.clock.advance(5.0)
    assert node.went_on == []
    node.falco.reloaded_at = 5.0
    await node.clock.advance(5.0)
    (at,) = node.went_on
    assert 5.0 < at <= 8.0


async def test_what_waits_for_a_falco_that_went_away_goes_on_after_seconds(node):
    node.falco.rules = {FILE: A}
    await node.clock.advance(1.0)
    node.install()
    node.state.is_held, node.state.left_alone_until = True, 3.0
    node.falco.silent_for = 999
    node.ref.tell(Reconcile(Reason(Cause.INSTALLED)))
    await node.clock.advance(30.0)
    assert 21.0 <= node.went_on[0] <= 24.0


async def test_the_versions_that_falco_says_count_and_others_are_told_once(node):
    assert node.state.versions == FalcoVersions("0.44.1", "0.62.0", "3.12.0")
    node.falco.versions = FalcoVersions("0.44.1", "0.62.0", "3.12.0")
    await node.clock.advance(400.0)
    assert node.learned == []
    node.falco.versions = FalcoVersions("0.46.0", "0.70.0")
    await node.clock.advance(900.0)
    assert node.learned == [FalcoVersions("0.46.0", "0.70.0", "3.12.0")]
