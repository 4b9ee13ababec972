"""What is kept of Secrets and ConfigMaps, and which namespaces are watched for them."""

import pytest

from actors.reference.actor import state_of
from actors.reference.index import ReferenceIndex, scope_of
from actors.reference.scopes import Scopes, protection_fields
from actors.watch.store import Change
from resources.artifact.references import FINALIZERS
from resources.kubernetes.reference import ObjectRef
from tests.actors.artifacts import artifact_ref, gone, told
from tests.actors.watch.stored import snapshot

ARTIFACT = artifact_ref("rules")
NAMED, FOREIGN = ObjectRef("Secret", "ns", "named"), ObjectRef("Secret", "ns", "foreign")
SCOPE = scope_of(NAMED)
OURS = FINALIZERS["Secret"]


@pytest.fixture
def index():
    """An index that knows of one artifact, which names one Secret."""
    made = ReferenceIndex()
    made.note(told(ARTIFACT, NAMED))
    return made


@pytest.fixture
def scopes(index):
    return Scopes(index)


@pytest.fixture
def store(scopes):
    """The Store of the scope, whose watch has begun."""
    return scopes.open(SCOPE)


# What is kept.


def test_what_an_artifact_names_is_kept_and_all_else_never_stays(scopes, store):
    put = store.put(snapshot(NAMED, 1))
    assert (put.before, put.after) == (None, scopes.get(NAMED))
    assert store.put(snapshot(FOREIGN, 2)) == Change(FOREIGN, None, None)
    assert scopes.get(FOREIGN) is None
    assert list(scopes.refs()) == [NAMED]


def test_what_is_still_protected_is_kept_until_it_is_not(scopes, store):
    protected = store.put(snapshot(FOREIGN, 2, finalizers=["x/y", OURS])).after
    assert scopes.get(FOREIGN) == protected
    assert store.put(snapshot(FOREIGN, 3, finalizers=["x/y"])) == Change(FOREIGN, protected, None)
    assert scopes.get(FOREIGN) is None


def test_a_list_is_kept_in_the_same_measure(scopes, store):
    listed = [snapshot(NAMED, 1), snapshot(FOREIGN, 2)]
    assert [change.ref for change in store.replace("Secret", listed, 9)] == [NAMED]
    assert list(scopes.refs()) == [NAMED]


def test_what_is_not_kept_moves_the_revision_all_the_same(scopes, store):
    store.put(snapshot(FOREIGN, 7))
    assert scopes.seen(NAMED) == 7


def test_of_metadata_only_what_is_read_is_kept(scopes, store):
    applied = {
        "kubectl.kubernetes.io/last-applied-configuration": '{"data": {"token": "c2VjcmV0"}}'
    }
    full = snapshot(
        NAMED,
        3,
        annotations=applied,
        labels={"a": "b"},
        finalizers=["x/y"],
        deletionTimestamp="2026-01-01T00:00:00Z",
    )
    for kept in (store.put(full).after, store.replace("Secret", [full], 3) or scopes.get(NAMED)):
        assert kept == protection_fields(full)
        assert kept.raw == b""
        assert (kept.meta.annotations, kept.meta.labels) == (None, None)
        assert (kept.ref, kept.revision, kept.meta.uid) == (NAMED, 3, "uid")
        assert kept.meta.finalizers == ("x/y",)
        assert kept.meta.deletion_timestamp is not None


# Which scopes are watched.


def test_a_scope_is_needed_while_anything_in_it_is_named(index, scopes):
    assert scopes.is_needed(SCOPE)
    assert not scopes.is_needed(SCOPE._replace(kind="ConfigMap"))
    assert not scopes.is_needed(SCOPE._replace(namespace="elsewhere"))
    index.note(gone(ARTIFACT))
    assert not scopes.is_needed(SCOPE)


def test_a_scope_that_is_not_listed_yet_may_hold_what_is_protected(index, scopes, store):
    index.note(gone(ARTIFACT))
    assert scopes.is_needed(SCOPE)
    store.replace("Secret", [], 5)
    assert not scopes.is_needed(SCOPE)


def test_a_scope_is_needed_while_anything_in_it_is_protected(index, scopes, store):
    store.replace("Secret", [snapshot(NAMED, 1, finalizers=[OURS])], 5)
    index.note(gone(ARTIFACT))
    assert scopes.is_needed(SCOPE)
    store.put(snapshot(NAMED, 6))
    assert not scopes.is_needed(SCOPE)


def test_what_was_named_and_never_protected_does_not_keep_a_scope(index, scopes, store):
    store.replace("Secret", [snapshot(NAMED, 1)], 5)
    index.note(gone(ARTIFACT))
    assert not scopes.is_needed(SCOPE)


def test_what_is_named_and_not_shown_is_absent(index, scopes, store):
    missing = NAMED._replace(name="missing")
    index.note(told(artifact_ref("other"), missing))
    store.replace("Secret", [snapshot(NAMED, 1)], 5)
    assert scopes.absent(SCOPE) == {missing}


# Watches that end.


def test_of_a_scope_that_is_not_watched_nothing_is_known(scopes, store):
    store.put(snapshot(NAMED, 4))
    scopes.close(SCOPE, store)
    assert scopes.get(NAMED) is None
    assert scopes.seen(NAMED) == 0
    assert list(scopes.refs()) == []


def test_a_watch_that_ends_late_takes_nothing_from_its_successor(scopes, store):
    successor = scopes.open(SCOPE)
    successor.put(snapshot(NAMED, 4))
    scopes.close(SCOPE, store)
    assert scopes.get(NAMED) is not None


def test_one_scope_is_not_seen_by_another(index, scopes, store):
    elsewhere = NAMED._replace(namespace="elsewhere")
    index.note(told(artifact_ref("rules", namespace="elsewhere"), elsewhere))
    other = scopes.open(scope_of(elsewhere))
    store.put(snapshot(NAMED, 4))
    other.put(snapshot(elsewhere, 9))
    assert (scopes.seen(NAMED), scopes.seen(elsewhere)) == (4, 9)
    assert set(scopes.refs()) == {NAMED, elsewhere}
    scopes.clear()
    assert list(scopes.refs()) == []


# What is known not to be there.


def test_an_object_is_absent_from_when_it_is_confirmed_until_it_is_seen_or_doubted(scopes, store):
    assert not scopes.is_absent(NAMED)
    scopes.confirm_absent(NAMED)
    assert scopes.is_absent(NAMED)
    store.put(snapshot(NAMED, 1))
    assert not scopes.is_absent(NAMED)
    store.remove(NAMED, 2)
    scopes.doubt({NAMED})
    assert not scopes.is_absent(NAMED)


def test_what_was_absent_from_a_scope_that_is_watched_no_more_is_not_known(scopes, store):
    elsewhere = NAMED._replace(namespace="elsewhere")
    for ref in (NAMED, elsewhere):
        scopes.confirm_absent(ref)
    scopes.close(SCOPE, store)
    assert not scopes.is_absent(NAMED)
    assert scopes.is_absent(elsewhere)
    scopes.clear()
    assert not scopes.is_absent(elsewhere)


# When a parked actor is worth another try.


@pytest.mark.parametrize(
    "changed", [{"finalizers": [OURS]}, {"deletionTimestamp": "2026-01-01T00:00:00Z"}]
)
def test_a_change_that_an_actor_acts_on_is_another_state(scopes, store, changed):
    store.put(snapshot(NAMED, 1))
    before = state_of(scopes.get(NAMED))
    store.put(snapshot(NAMED, 2, **changed))
    assert state_of(scopes.get(NAMED)) != before
    assert before != state_of(None)


def test_no_change_of_its_content_or_of_another_object_is(scopes, store):
    store.put(snapshot(NAMED, 1))
    before = state_of(scopes.get(NAMED))
    store.put(snapshot(NAMED, 2, labels={"any": "other"}, finalizers=["x/y"]))
    store.put(snapshot(FOREIGN, 3))
    assert state_of(scopes.get(NAMED)) == before
