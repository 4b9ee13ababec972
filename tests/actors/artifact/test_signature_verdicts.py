"""Verdicts: asked for once, looked at again unless good, and not lost while a registry fails."""

import math
import random

import pytest
from msgspec.structs import replace

from actors.artifact.registries import Registries
from actors.artifact.signature_verdicts import SignatureQuery, SignatureVerdicts
from actors.runtime.context import Runtime
from resources.artifact.sources import OciSource
from resources.registry.request import Endpoint, Hold
from resources.signatures.demand import Demand
from resources.signatures.policy import Mode, Result
from resources.signatures.request import Verdict
from tests.actors.artifacts import artifact_ref
from tests.fake_clock import FakeClock

ONE, TWO = artifact_ref("one"), artifact_ref("two", namespace="other")
DIGEST = f"sha256:{'a' * 64}"
GOOD, BAD = Verdict(Result.VERIFIED, "good", "me"), Verdict(Result.NO_SIGNATURE, "none")
DOWN = Verdict(Result.REGISTRY_FAILED, "down")
HOST = Endpoint("host", "acme/rules")


def query(registry="r", policy="p", namespace="ns"):
    source = OciSource(registry, "acme/rules", "")
    return SignatureQuery(source, DIGEST, Demand(Mode.OFF), policy, namespace)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def registries(clock):
    return Registries(Runtime(clock, random.Random(1)))


@pytest.fixture
def verdicts(clock, registries):
    return SignatureVerdicts(Runtime(clock, random.Random(1)), registries)


def answered(verdicts, verdict):
    due = verdicts.take_due(())
    assert due is not None
    return verdicts.answered(due, verdict)


def test_equal_queries_are_one_and_a_good_answer_is_final(verdicts):
    assert verdicts.ask(ONE, query()) is None
    assert verdicts.ask(TWO, query()) is None
    assert answered(verdicts, GOOD) == {ONE, TWO}
    assert verdicts.ask(ONE, query()) == GOOD
    assert verdicts.next_due(()) == math.inf
    assert verdicts.take_due(()) is None


def test_another_policy_is_another_query(verdicts):
    verdicts.ask(ONE, query())
    answered(verdicts, GOOD)
    assert verdicts.ask(ONE, query(policy="q")) is None
    assert verdicts.ask(TWO, query()) is None  # nobody asked for it any more, so it was forgotten


async def test_a_bad_answer_is_looked_at_again_less_and_less(verdicts, clock):
    verdicts.ask(ONE, query())
    assert answered(verdicts, BAD) == {ONE}
    waits = []
    for _ in range(8):
        waits.append(verdicts.next_due(()))
        await clock.advance(waits[-1])
        assert answered(verdicts, BAD) == frozenset()
    assert 5 <= waits[0] <= 10
    assert all(150 <= wait <= 300 for wait in waits[-2:])
    await clock.advance(verdicts.next_due(()))
    assert answered(verdicts, GOOD) == {ONE}


async def test_a_registry_that_fails_takes_no_verdict_back(verdicts, clock):
    verdicts.ask(ONE, query())
    assert answered(verdicts, DOWN) == {ONE}
    await clock.advance(verdicts.next_due(()))
    assert answered(verdicts, BAD) == {ONE}
    await clock.advance(verdicts.next_due(()))
    assert answered(verdicts, DOWN) == frozenset()
    assert verdicts.ask(ONE, query()) == BAD


async def test_a_host_that_wants_to_be_left_alone_is_by_all_queries_and_look_ups(
    verdicts, registries, clock
):
    verdicts.ask(ONE, query())
    until = clock.monotonic() + 500.0
    answered(verdicts, replace(DOWN, holds=(Hold("https://host", 500.0),)))
    await clock.advance(verdicts.next_due(()))
    taken = verdicts.take_due(())
    assert taken is not None
    left = until - clock.monotonic()
    assert verdicts.rested(taken, HOST) is None
    assert verdicts.next_due(()) == left
    assert registries.not_before("r") == clock.monotonic() + left
    # Another way to the same host, and one to another host.
    verdicts.ask(TWO, query("other"))
    taken = verdicts.take_due(())
    assert taken is not None
    assert verdicts.rested(taken, HOST) is None
    elsewhere = Endpoint("elsewhere", "acme/rules")
    assert verdicts.rested(taken, elsewhere) == elsewhere
    await clock.advance(left)
    assert verdicts.take_due(()) is not None


def test_of_a_busy_registry_nothing_is_taken(verdicts):
    verdicts.ask(ONE, query("slow"))
    verdicts.ask(TWO, query("fast"))
    taken = verdicts.take_due({"slow"})
    assert taken is not None
    assert taken.query == query("fast")
    assert verdicts.take_due({"slow", "fast"}) is None
    verdicts.reset()
    assert verdicts.take_due({"slow"}) is taken


def test_nothing_is_left_of_who_asks_no_more(verdicts):
    verdicts.ask(ONE, query())
    verdicts.forget(ONE)
    assert list(verdicts.describe()) == []
    verdicts.ask(ONE, query())
    verdicts.clear()
    assert list(verdicts.describe()) == []


async def test_namespaces_take_turns(verdicts, clock):
    """Ten registries that hang, of one namespace, let another's only one go second."""
    for number in range(10):
        verdicts.ask(artifact_ref(f"slow-{number}"), query(f"slow-{number}"))
    await clock.advance(1.0)
    verdicts.ask(TWO, query("quick", namespace="other"))
    taken = [verdicts.take_due(()) for _ in range(3)]
    names = [each.query.source.registry for each in taken if each is not None]
    assert names == ["slow-0", "quick", "slow-1"]
