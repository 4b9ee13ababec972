"""Read-your-own-writes, however answers and watch events come in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from actors.watch.store import Snapshot, Store
from actors.watch.view import View
from tests.actors.watch.stored import child, snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    from resources.kubernetes.reference import ObjectRef

REF = child()
REFS = (REF, child(name="other"))
OBJECTS = st.sampled_from(REFS)


class Writing(RuleBasedStateMachine):
    """One actor, strangers, an API server with its history, and a watch that lags behind.

    The actor makes one request at a time; its answer may come before or after its watch event.
    """

    def __init__(self):
        super().__init__()
        self.store = Store()
        self.view = View(self.store)
        self.revision = 0
        self.history: dict[ObjectRef, list[tuple[int, Snapshot | None]]] = {
            ref: [(0, None)] for ref in REFS
        }
        self.events: list[tuple[int, ObjectRef, Snapshot | None]] = []
        self.answer: tuple[ObjectRef, int, Callable[[], None]] | None = None
        self.known = dict.fromkeys(REFS, 0)

    def live(self, ref):
        return self.history[ref][-1][1]

    def commit(self, ref, found):
        self.history[ref].append((self.revision, found))
        self.events.append((self.revision, ref, found))

    def write(self, ref):
        self.revision += 1
        live = self.live(ref)
        uid = live.meta.uid if live else f"uid-{self.revision}"
        self.commit(ref, snapshot(ref, self.revision, uid))

    def delete(self, ref):
        self.revision += 1
        self.commit(ref, None)

    # Strangers.

    @rule(ref=OBJECTS)
    def a_stranger_writes(self, ref):
        self.write(ref)

    @precondition(lambda self: any(map(self.live, REFS)))
    @rule(ref=OBJECTS)
    def a_stranger_deletes(self, ref):
        if self.live(ref):
            self.delete(ref)

    @rule()
    def something_else_changes(self):
        self.revision += 1

    # The actor.

    @precondition(lambda self: self.answer is None)
    @rule(ref=OBJECTS, effect=st.booleans())
    def the_actor_writes(self, ref, effect):
        if effect or not self.live(ref):
            self.write(ref)
        found = self.live(ref)
        self.answer = (ref, found.revision, lambda: self.view.wrote(found))

    @precondition(lambda self: self.answer is None)
    @rule(ref=OBJECTS)
    def the_actor_reads(self, ref):
        found = self.live(ref)
        if found:
            self.answer = (ref, self.revision, lambda: self.view.wrote(found))

    @precondition(lambda self: self.answer is None)
    @rule(ref=OBJECTS)
    def the_actor_deletes_the_incarnation_that_it_knows(self, ref):
        live, known = self.live(ref), self.view.get(ref)
        if known is None:
            return
        if live and live.meta.uid == known.meta.uid:
            self.delete(ref)
        # Else it is not found, or its uid is another by now, which comes to the same: this
        # incarnation is gone. What a 404 says of later ones the View does not take in.
        gone = min(at for at, found in self.history[ref] if found is None and at > known.revision)
        uid = known.meta.uid or ""
        self.answer = (ref, gone, lambda: self.view.deleted(ref, uid))

    @precondition(lambda self: self.answer)
    @rule()
    def the_answer_arrives(self):
        assert self.answer is not None
        ref, revision, take = self.answer
        take()
        self.known[ref] = revision
        self.answer = None

    # The watch.

    @precondition(lambda self: self.events)
    @rule()
    def an_event_arrives(self):
        revision, ref, found = self.events.pop(0)
        if found:
            self.store.put(found)
        else:
            self.store.remove(ref, revision)

    @precondition(lambda self: not self.events)
    @rule()
    def a_bookmark_arrives(self):
        self.store.advance(REF.kind, self.revision)

    @precondition(lambda self: self.answer is None)
    @rule(data=st.data())
    def etcd_is_restored_to_an_older_state(self, data):
        self.revision = data.draw(st.integers(0, self.revision))
        for ref in REFS:
            past = [(at, found) for at, found in self.history[ref] if at <= self.revision]
            self.history[ref] = past
        self.known = dict.fromkeys(REFS, 0)
        self.store.restored(REF.kind)
        self.all_is_listed_anew()

    @rule()
    def all_is_listed_anew(self):
        self.store.replace(REF.kind, filter(None, map(self.live, REFS)), self.revision)
        self.events.clear()

    # What holds.

    @invariant()
    def nothing_older_is_shown_than_what_the_actor_was_told(self):
        for ref in REFS:
            floor = max(self.known[ref], self.store.revision(ref.kind))
            at_floor = max(index for index, (at, _) in enumerate(self.history[ref]) if at <= floor)
            assert self.view.get(ref) in [found for _, found in self.history[ref][at_floor:]]

    def teardown(self):
        if self.answer:
            self.the_answer_arrives()
        while self.events:
            self.an_event_arrives()
        self.store.advance(REF.kind, self.revision)
        for ref in REFS:
            assert self.view.get(ref) == self.store.get(ref) == self.live(ref)
        assert not self.view._written


TestWriting = Writing.TestCase
TestWriting.settings = settings(stateful_step_count=40)


def test_an_answer_is_shown_until_the_store_has_seen_it():
    store = Store()
    view = View(store)
    view.wrote(answer := snapshot(REF, 5))
    assert view.get(REF) == answer
    store.advance("ConfigMap", 4)
    assert view.get(REF) == answer
    store.put(event := snapshot(REF, 5))
    assert view.get(REF) is store.get(REF) == event


def test_what_was_deleted_is_not_shown_though_the_store_still_has_it():
    store = Store()
    store.put(snapshot(REF, 3, "old"))
    view = View(store)
    view.deleted(REF, "old")
    assert view.get(REF) is None
    store.put(snapshot(REF, 4, "old"))
    assert view.get(REF) is None


def test_what_was_recreated_is_shown_under_its_new_uid():
    store = Store()
    view = View(store)
    view.deleted(REF, "old")
    store.put(new := snapshot(REF, 7, "new"))
    assert view.get(REF) == new


def test_a_deletion_that_was_none_is_corrected_by_the_next_answer():
    store = Store()
    store.put(live := snapshot(REF, 3))
    view = View(store)
    view.deleted(REF, "uid")  # a conflict was taken for it
    view.wrote(live)
    assert view.get(REF) == live


def test_what_was_written_or_deleted_before_a_restore_hides_nothing_after_it():
    store, other = Store(), child(name="other")
    view = View(store)
    store.replace("ConfigMap", [snapshot(REF, 3), snapshot(other, 4, "other")], 90)
    view.wrote(snapshot(REF, 99))
    view.deleted(other, "other")
    store.replace("ConfigMap", [old := snapshot(REF, 2), back := snapshot(other, 4, "other")], 50)
    assert view.get(REF) == old
    assert view.get(other) == back


def test_an_object_without_a_uid_is_shown():
    store = Store()
    store.put(nameless := snapshot(REF, 3, None))
    assert View(store).get(REF) == nameless
