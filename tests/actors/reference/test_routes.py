"""Who reconciles when references, or the objects that they name, change."""

from typing import Any

import pytest

from actors.reference.index import ReferenceIndex
from actors.reference.routes import ReferenceRoutes
from actors.reference.store import ReferenceStore
from actors.runtime.reason import Cause, Reason
from actors.watch.router import Notice, reason_of
from actors.watch.store import Change
from resources.kubernetes.reference import ObjectRef
from tests.actors.artifacts import artifact_ref, gone, told
from tests.actors.watch.stored import snapshot

SECRET = ObjectRef("Secret", "ns", "x")
FOREIGN = ObjectRef("Secret", "ns", "foreign")
ARTIFACT = artifact_ref("rules")


class House:
    """Routes whose index knows one artifact that names SECRET, and what they called."""

    def __init__(self):
        self.index = ReferenceIndex()
        self.store = ReferenceStore(self.index)
        self.renamed: list[Any] = []
        self.routes = ReferenceRoutes(self.index, self.store, self.renamed.append)
        self.first = self.routes.artifact_changed(told(ARTIFACT, SECRET))
        self.first_reason = reason_of(told(ARTIFACT, SECRET))


@pytest.fixture
def house():
    return House()


def test_an_object_that_is_named_first_reconciles(house):
    assert house.first == Notice((SECRET,), house.first_reason)
    assert house.renamed == [{SECRET}]


def test_an_object_that_is_named_already_hears_nothing_of_another_artifact(house):
    assert house.routes.artifact_changed(told(artifact_ref("other"), SECRET)).refs == ()


def test_an_object_that_is_named_no_longer_reconciles_and_is_kept_no_longer(house):
    house.store.put(snapshot(SECRET, 5))
    assert house.routes.artifact_changed(gone(ARTIFACT)).refs == (SECRET,)
    assert house.store.get(SECRET) is None


def test_a_changed_object_wakes_its_actor_and_the_artifacts_that_name_it(house):
    notice = house.routes.object_changed(Change(SECRET, None, snapshot(SECRET, 5)))
    reason = Reason(Cause.CHANGED, "Secret", SECRET.name, "5")
    assert notice == Notice(tuple(sorted((SECRET, ARTIFACT))), reason)


def test_a_deleted_object_wakes_the_artifacts_that_name_it_and_is_known_to_be_absent(house):
    notice = house.routes.object_changed(Change(SECRET, snapshot(SECRET, 5), None))
    assert notice == Notice((ARTIFACT,), Reason(Cause.ABSENT, "Secret", SECRET.name))
    assert house.store.is_absent(SECRET)


def test_an_object_that_nobody_names_wakes_nobody(house):
    change = house.store.put(snapshot(FOREIGN, 5))
    assert house.routes.object_changed(change).refs == ()
    assert not house.store.is_absent(FOREIGN)


def test_a_named_object_that_a_list_does_not_show_reconciles_until_it_is_known_to_be_absent(house):
    reason = Reason(Cause.LISTED, "Secret")
    assert house.routes.listed("Secret") == Notice((SECRET,), reason)
    assert house.routes.listed("ConfigMap").refs == ()
    house.routes.object_absent(SECRET)
    assert house.routes.listed("Secret") == Notice((), reason)
    house.store.put(snapshot(SECRET, 5))
    assert house.routes.listed("Secret") == Notice((), reason)
