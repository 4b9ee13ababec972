"""What the Store shows and tells."""

import pytest

from actors.watch.store import Change, Store, VersionStore, revision_of
from tests.actors.watch.stored import child, snapshot

ONE, TWO, THREE = (child(name=name) for name in ("one", "two", "three"))


def test_an_empty_store_has_seen_nothing():
    store = Store()
    assert store.get(ONE) is None
    assert list(store.of_kind("ConfigMap")) == []
    assert store.revision("ConfigMap") == 0


def test_a_first_list_is_all_new():
    store, listed = Store(), [snapshot(ONE, 1), snapshot(TWO, 2)]
    changes = store.replace("ConfigMap", listed, 5)
    assert changes == [Change(ONE, None, listed[0]), Change(TWO, None, listed[1])]
    assert store.revision("ConfigMap") == 5


def test_a_relist_tells_what_vanished_and_what_changed_and_keeps_quiet_about_the_rest():
    store = Store()
    before = {ref: snapshot(ref, 1) for ref in (ONE, TWO, THREE)}
    store.replace("ConfigMap", before.values(), 3)
    changed = snapshot(TWO, 4)
    changes = store.replace("ConfigMap", [before[ONE], changed], 9)
    assert changes == [Change(THREE, before[THREE], None), Change(TWO, before[TWO], changed)]
    assert [store.get(ref) for ref in (ONE, TWO, THREE)] == [before[ONE], changed, None]


def test_an_object_that_was_recreated_between_two_lists_is_told_as_changed():
    store = Store()
    store.replace("ConfigMap", [old := snapshot(ONE, 1, "old")], 1)
    new = snapshot(ONE, 7, "new")
    assert store.replace("ConfigMap", [new], 8) == [Change(ONE, old, new)]


def test_of_an_object_that_is_listed_twice_the_last_counts_and_is_told_once():
    store, last = Store(), snapshot(ONE, 2)
    assert store.replace("ConfigMap", [snapshot(ONE, 1), last], 3) == [Change(ONE, None, last)]


def test_a_list_replaces_nothing_of_another_kind():
    store, role = Store(), child("Role")
    store.put(snapshot(role, 1))
    store.replace("ConfigMap", [], 5)
    assert store.get(role) is not None
    assert store.revision("Role") == 1


def test_a_list_may_lead_back_after_etcd_was_restored():
    store = Store()
    store.replace("ConfigMap", [snapshot(ONE, 90)], 100)
    store.replace("ConfigMap", [], 50)
    assert store.revision("ConfigMap") == 50
    assert store.restores == 1


def test_after_a_restore_a_list_tells_of_everything_for_a_revision_may_mean_another_change():
    store = Store()
    store.replace("ConfigMap", [before := snapshot(ONE, 40)], 100)
    after = snapshot(ONE, 40, labels={"another": "state"})
    assert store.replace("ConfigMap", [after], 50) == [Change(ONE, before, after)]
    assert store.replace("ConfigMap", [after], 51) == []


def test_between_a_restore_and_its_list_nothing_counts_as_seen():
    store = Store()
    store.replace("ConfigMap", [before := snapshot(ONE, 40)], 100)
    store.restored("ConfigMap")
    assert store.revision("ConfigMap") == 0
    assert store.get(ONE) == before
    assert store.replace("ConfigMap", [before], 120) == [Change(ONE, before, before)]


def test_of_a_page_what_is_the_same_as_before_is_held_once_and_nothing_is_shown_yet():
    store = Store()
    store.put(snapshot(ONE, 1))
    store.put(snapshot(TWO, 2))
    shown = [store.get(ref) for ref in (ONE, TWO, THREE)]
    listed = [snapshot(ONE, 1), after := snapshot(TWO, 4), new := snapshot(THREE, 5)]
    page = store.page("ConfigMap", listed, 9)
    assert page.changes == []
    assert page.kept[0] is shown[0]
    assert page.kept[1:] == [after, new]
    assert [store.get(ref) for ref in (ONE, TWO, THREE)] == shown
    assert store.revision("ConfigMap") == 2


def test_after_a_restore_nothing_of_a_page_is_taken_for_the_same():
    store = Store()
    store.replace("ConfigMap", [snapshot(ONE, 1)], 9)
    restored = snapshot(ONE, 1, labels={"another": "state"})
    page = store.page("ConfigMap", [restored], 5)
    assert page.kept == [restored]
    assert [change.after for change in store.replace("ConfigMap", page.kept, 5)] == [restored]


def test_a_store_of_versions_shows_and_tells_of_each_page_at_once():
    store = VersionStore()
    page = store.page("ConfigMap", [one := snapshot(ONE, 1)], 9)
    assert page.changes == [Change(ONE, None, one)]
    assert store.get(ONE) is not None
    assert store.revision("ConfigMap") == 0
    second = store.page("ConfigMap", [two := snapshot(TWO, 2)], 9)
    assert second.changes == [Change(TWO, None, two)]
    assert store.replace("ConfigMap", [*page.kept, *second.kept], 9) == []


def test_a_store_of_versions_tells_anew_of_what_was_restored_and_in_the_end_of_what_is_gone():
    store = VersionStore()
    store.replace("ConfigMap", store.page("ConfigMap", map(first, (ONE, TWO)), 9).kept, 9)
    page = store.page("ConfigMap", [restored := first(ONE)], 5)
    assert [change.after for change in page.changes] == [restored]
    (gone,) = store.replace("ConfigMap", page.kept, 5)
    assert (gone.ref, gone.after) == (TWO, None)
    assert store.page("ConfigMap", [restored], 6).changes == []


def first(ref):
    return snapshot(ref, 1)


def test_events_tell_what_was_before_and_move_the_revision():
    store = Store()
    first, second = snapshot(ONE, 1), snapshot(ONE, 4)
    assert store.put(first) == Change(ONE, None, first)
    assert store.put(second) == Change(ONE, first, second)
    assert store.revision("ConfigMap") == 4
    assert store.remove(ONE, 6) == Change(ONE, second, None)
    assert store.remove(TWO, 7) == Change(TWO, None, None)
    assert store.revision("ConfigMap") == 7


def test_bookmarks_move_the_revision_only_forward():
    store = Store()
    store.advance("ConfigMap", 9)
    store.advance("ConfigMap", 5)
    assert store.revision("ConfigMap") == 9


def test_going_through_a_kind_is_not_disturbed_by_changes():
    store = Store()
    store.replace("ConfigMap", [snapshot(ONE, 1), snapshot(TWO, 1)], 1)
    seen = []
    for found in store.of_kind("ConfigMap"):
        store.remove(TWO, 2)
        store.put(snapshot(THREE, 3))
        seen.append(found.ref)
    assert seen == [ONE, TWO]


@pytest.mark.parametrize(
    ("version", "revision"), [("12", 12), ("0", 0), ("", 0), (None, 0), ("-1", 0), ("1a", 0)]
)
def test_a_resource_version_that_is_no_number_is_older_than_all(version, revision):
    assert revision_of(version) == revision
