"""Falcos are told when something else is named in their namespace, and not too often."""

from typing import Any

import pytest

from actors.reference.index import ReferenceIndex
from actors.reference.reading_rights import ReadingRights
from actors.watch.store import Store
from resources.falco.rights import Readable
from resources.kubernetes.reference import ObjectRef
from tests.actors.artifacts import artifact_ref, gone, told
from tests.actors.watch.stored import snapshot
from tests.fake_clock import FakeClock

FALCOS = [ObjectRef("Falco", "ns", "a"), ObjectRef("Falco", "ns", "b")]
ELSEWHERE = ObjectRef("Falco", "elsewhere", "c")


def secret(name, namespace="ns"):
    return ObjectRef("Secret", namespace, name)


class House:
    """Falcos in two namespaces, and who of them was told."""

    def __init__(self):
        self.clock, self.index = FakeClock(), ReferenceIndex()
        self.messages: list[Any] = []
        store = Store()
        for ref in (*FALCOS, ELSEWHERE):
            store.put(snapshot(ref, 1))
        self.rights = ReadingRights(self.clock, store, self.index, self.messages.append)

    def note(self, change):
        self.rights.changed(self.index.note(change))

    def take(self):
        refs = [message.refs for message in self.messages]
        self.messages.clear()
        return refs


@pytest.fixture
def house():
    return House()


def test_what_artifacts_of_a_namespace_name_may_be_read(house):
    rules = ObjectRef("ConfigMap", "ns", "rules")
    house.note(told(artifact_ref("one"), secret("x"), rules))
    house.note(told(artifact_ref("two"), secret("x")))
    house.note(told(artifact_ref("three", namespace="elsewhere"), secret("y", "elsewhere")))
    assert house.index.readable("ns") == Readable(frozenset({"x"}), frozenset({"rules"}))
    assert house.index.readable("elsewhere") == Readable(frozenset({"y"}))
    assert house.index.readable("nowhere") == Readable()


def test_the_falcos_of_the_namespace_are_told_at_once_and_no_others(house):
    house.note(told(artifact_ref("one"), secret("x")))
    assert house.take() == [tuple(FALCOS)]
    assert {message.reason for message in house.messages} <= {"references"}
    house.note(told(artifact_ref("one", namespace="elsewhere"), secret("x", "elsewhere")))
    assert house.take() == [(ELSEWHERE,)]


def test_nobody_is_told_of_what_is_named_already_or_where_there_is_no_falco(house):
    house.note(told(artifact_ref("one"), secret("x")))
    house.take()
    house.note(told(artifact_ref("two"), secret("x")))
    house.note(told(artifact_ref("one", namespace="nowhere"), secret("x", "nowhere")))
    assert house.take() == []


async def test_a_thousand_changes_are_told_once_a_second_and_the_last_one_is(house):
    for number in range(1000):
        house.note(told(artifact_ref(f"rules-{number}"), secret(f"x-{number}")))
        await house.clock.advance(0.01)
    assert 10 <= len(house.take()) <= 11
    house.note(gone(artifact_ref("rules-0")))
    await house.clock.advance(10.0)
    assert len(house.take()) == 1
    assert house.clock.armed == []
