"""What is kept of Secrets and ConfigMaps, and what is known not to be there."""

import pytest

from actors.reference.actor import state_of
from actors.reference.index import ReferenceIndex
from actors.reference.store import ReferenceStore, protection_fields
from actors.watch.store import Change
from resources.artifact.references import FINALIZERS
from resources.kubernetes.meta import RETRY
from resources.kubernetes.reference import ObjectRef
from tests.actors.artifacts import artifact_ref, gone, told
from tests.actors.watch.stored import snapshot

ARTIFACT = artifact_ref("rules")
NAMED, FOREIGN = ObjectRef("Secret", "ns", "named"), ObjectRef("Secret", "ns", "foreign")
OURS = FINALIZERS["Secret"]


@pytest.fixture
def index():
    """An index that knows of one artifact, which names one Secret."""
    made = ReferenceIndex()
    made.note(told(ARTIFACT, NAMED))
    return made


@pytest.fixture
def store(index):
    return ReferenceStore(index)


# What is kept.


def test_what_an_artifact_names_is_kept_and_all_else_never_stays(store):
    named = snapshot(NAMED, 1)
    assert store.put(named) == Change(NAMED, None, named)
    assert store.put(snapshot(FOREIGN, 2)) == Change(FOREIGN, None, None)
    assert store.get(FOREIGN) is None
    assert list(store.refs()) == [NAMED]


def test_what_is_still_protected_is_kept_until_it_is_not(store):
    store.put(snapshot(FOREIGN, 2, finalizers=["x/y", OURS]))
    protected = store.get(FOREIGN)
    assert protected is not None
    assert store.put(snapshot(FOREIGN, 3, finalizers=["x/y"])) == Change(FOREIGN, protected, None)
    assert store.get(FOREIGN) is None


def test_a_list_is_kept_in_the_same_measure(store):
    listed = [snapshot(NAMED, 1), snapshot(FOREIGN, 2)]
    assert [change.ref for change in store.replace("Secret", listed, 9)] == [NAMED]
    assert list(store.refs()) == [NAMED]


def test_what_is_not_kept_moves_the_revision_all_the_same(store):
    store.put(snapshot(FOREIGN, 7))
    assert store.seen(NAMED) == 7


def test_of_metadata_only_what_is_read_is_kept(store):
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
    store.put(full)
    put = store.get(NAMED)
    page = store.page("Secret", [other := snapshot(NAMED, 4)], 4)
    assert page.kept == [protection_fields(other)]
    store.replace("Secret", [full], 5)
    for kept in (put, store.get(NAMED)):
        assert kept is not None
        assert kept == protection_fields(full)
        assert kept.raw == b""
        assert (kept.meta.annotations, kept.meta.labels) == (None, None)
        assert (kept.ref, kept.revision, kept.meta.uid) == (NAMED, 3, "uid")
        assert kept.meta.finalizers == ("x/y",)
        assert kept.meta.deletion_timestamp is not None


def test_what_is_named_no_longer_goes_at_once_unless_it_is_protected(index, store):
    other = NAMED._replace(name="other")
    index.note(told(ARTIFACT, NAMED, other))
    store.put(snapshot(NAMED, 1))
    store.put(snapshot(other, 2, finalizers=[OURS]))
    store.review(index.note(gone(ARTIFACT)))
    assert list(store.refs()) == [other]
    assert store.seen(NAMED) == 2


# What is known not to be there.


def test_what_is_named_and_not_shown_may_be_there_until_somebody_has_looked(index, store):
    missing = NAMED._replace(name="missing")
    index.note(told(artifact_ref("other"), missing))
    store.replace("Secret", [snapshot(NAMED, 1)], 5)
    assert store.unknown("Secret") == {missing}
    assert store.unknown("ConfigMap") == set()
    store.confirm_absent(missing)
    assert store.unknown("Secret") == set()


def test_an_object_is_absent_from_when_it_is_confirmed_until_it_is_seen_or_reviewed(store):
    assert not store.is_absent(NAMED)
    store.confirm_absent(NAMED)
    assert store.is_absent(NAMED)
    store.put(snapshot(NAMED, 1))
    assert not store.is_absent(NAMED)
    store.remove(NAMED, 2)
    store.review({NAMED})
    assert not store.is_absent(NAMED)


# When a parked actor is worth another try.


@pytest.mark.parametrize(
    "changed",
    [
        {"finalizers": [OURS]},
        {"deletionTimestamp": "2026-01-01T00:00:00Z"},
        {"annotations": {RETRY: "again"}},
    ],
    ids=["protected", "deleted", "to be tried again"],
)
def test_a_change_that_an_actor_acts_on_is_another_state(store, changed):
    store.put(snapshot(NAMED, 1))
    before = state_of(store.get(NAMED))
    store.put(snapshot(NAMED, 2, **changed))
    assert state_of(store.get(NAMED)) != before
    assert before != state_of(None)


def test_no_change_of_its_content_or_of_another_object_is(store):
    store.put(snapshot(NAMED, 1))
    before = state_of(store.get(NAMED))
    store.put(snapshot(NAMED, 2, labels={"any": "other"}, finalizers=["x/y"]))
    store.put(snapshot(FOREIGN, 3))
    assert state_of(store.get(NAMED)) == before
