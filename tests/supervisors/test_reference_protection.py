"""Reference protection as a whole, in every order in which things can happen.

The supervision tree is the real one, the API server is simulated: it does nothing, and says
nothing, before it is told to.
"""

import asyncio
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from actors.api.errors import Gone, Refused, Unavailable
from actors.watch import paging
from resources.artifact.references import FINALIZERS, references
from resources.kubernetes.reference import ObjectRef
from tests.actors.artifacts import artifact_ref, naming
from tests.fake_clock import settle
from tests.supervisors.protecting import Operator
from tests.supervisors.simulated_cluster import Cluster

THEIRS = "tests.example.org/hold"
REFS = [ObjectRef("Secret", namespace, name) for namespace in ("a", "b") for name in ("x", "y")]
REFS.append(ObjectRef("ConfigMap", "a", "x"))
RULESFILES = [artifact_ref(name, namespace=namespace) for namespace in "ab" for name in ("r", "s")]
CUT_OFF = Unavailable(0, "ServerDisconnectedError", "no answer")
FAILURES = (CUT_OFF, Refused(403, "Forbidden", "no"), Unavailable(503, "ServiceUnavailable", ""))


class Protecting(RuleBasedStateMachine):
    """Everybody acts at any time; in the end all is quiet, and as it should be."""

    def __init__(self):
        super().__init__()
        self.page = paging.SIZE
        paging.SIZE = 1
        self.loop = asyncio.new_event_loop()
        self.cluster = Cluster()
        self.artifacts: dict[ObjectRef, Any] = {}
        self.operator: Any = None

    def do(self, action, *arguments):
        async def act():
            action(*arguments)
            await settle()

        self.loop.run_until_complete(act())

    # Before the operator is there.

    @initialize(refs=st.sets(st.sampled_from(REFS)), held=st.sets(st.sampled_from(REFS)))
    def there_are_objects_that_another_operator_protected(self, refs, held):
        for ref in sorted(refs):
            ours = [FINALIZERS[ref.kind]] if ref in held else []
            self.cluster.create(ref, *ours)

    # The users.

    @rule(ref=st.sampled_from(RULESFILES), names=st.sets(st.sampled_from(REFS), max_size=3))
    def an_artifact_changes(self, ref, names):
        secrets = sorted(name for name in names if name.kind == "Secret")[:1]
        config_maps = sorted(name for name in names if name.kind == "ConfigMap")
        inside = [name for name in (*secrets, *config_maps) if name.namespace == ref.namespace]
        revision = str(self.cluster.revision)
        self.artifacts[ref] = naming(ref, *inside, resourceVersion=revision)
        self.cluster.revision += 1

    @rule(ref=st.sampled_from(RULESFILES))
    def an_artifact_goes(self, ref):
        self.artifacts.pop(ref, None)

    @rule(ref=st.sampled_from(REFS), finalizers=st.sampled_from([(), (THEIRS,)]))
    def an_object_is_created(self, ref, finalizers):
        self.cluster.create(ref, *finalizers)

    @rule(ref=st.sampled_from(REFS))
    def an_object_is_deleted(self, ref):
        self.cluster.delete(ref)

    @rule(ref=st.sampled_from(REFS))
    def another_finalizer_is_added(self, ref):
        self.cluster.add(ref, THEIRS)

    @rule(ref=st.sampled_from(REFS))
    def another_finalizer_is_removed(self, ref):
        self.cluster.strip(ref, THEIRS)

    @rule(ref=st.sampled_from(REFS))
    def somebody_removes_our_finalizer(self, ref):
        self.cluster.strip(ref, FINALIZERS[ref.kind])

    # The operator.

    @precondition(lambda self: self.operator is None)
    @rule()
    def the_operator_starts(self):
        self.operator = Operator(self.cluster, self.artifacts)
        self.do(self.operator.root.launch)

    @precondition(lambda self: self.operator)
    @rule(data=st.data())
    def the_operator_ends(self, data):
        self.requests_get_there_or_not(data)
        operator, self.operator = self.operator, None
        self.stop(operator)

    def stop(self, operator):
        async def end():
            stopped = operator.root.actor_ref.stop()
            await operator.clock.advance(100.0)
            assert await stopped

        self.loop.run_until_complete(end())
        self.cluster.late += self.cluster.unserved
        self.cluster.unserved.clear()
        self.cluster.unanswered.clear()
        assert not self.cluster.streams

    @precondition(lambda self: self.operator)
    @rule(
        part=st.sampled_from(
            ["references", "router", "watchers", "lister", "Secret metadata", "ConfigMap metadata"]
        ),
        data=st.data(),
    )
    def a_part_of_it_dies(self, part, data):
        ref = self.operator.part(part)
        if ref is not None:
            self.requests_get_there_or_not(data)
            self.do(ref.kill)

    def requests_get_there_or_not(self, data):
        """Those whose client is about to go."""
        for request in list(self.cluster.unserved):
            if data.draw(st.booleans()):
                self.cluster.serve(request)

    @precondition(lambda self: self.operator and self.operator.is_listening)
    @rule(ref=st.sampled_from(RULESFILES))
    def the_operator_hears_of_an_artifact(self, ref):
        self.do(self.operator.hear, ref)

    @precondition(lambda self: self.operator)
    @rule(seconds=st.sampled_from([0.01, 1.0, 60.0, 400.0]))
    def time_passes(self, seconds):
        self.loop.run_until_complete(self.operator.clock.advance(seconds))

    # The network.

    @precondition(lambda self: self.cluster.unserved)
    @rule(data=st.data())
    def a_request_is_served(self, data):
        self.cluster.serve(data.draw(st.sampled_from(self.cluster.unserved)))

    @precondition(lambda self: self.cluster.unserved)
    @rule(data=st.data(), failure=st.sampled_from(FAILURES))
    def a_request_fails(self, data, failure):
        request = data.draw(st.sampled_from(self.cluster.unserved))
        self.do(self.cluster.answer, request, failure)

    @precondition(lambda self: self.cluster.unserved)
    @rule(data=st.data())
    def a_request_is_cut_off_on_its_way(self, data):
        request = data.draw(st.sampled_from(self.cluster.unserved))
        self.do(self.cluster.cut_off, request, CUT_OFF)

    @precondition(lambda self: self.cluster.late)
    @rule(data=st.data())
    def a_request_that_was_cut_off_is_carried_out(self, data):
        """It may be one of an operator that is no more."""
        self.cluster.carry_out(data.draw(st.sampled_from(self.cluster.late)))

    @precondition(lambda self: self.cluster.unanswered)
    @rule(data=st.data(), lost=st.booleans())
    def an_answer_arrives_or_is_lost(self, data, lost):
        request = data.draw(st.sampled_from(self.cluster.unanswered))
        self.do(self.cluster.answer, request, CUT_OFF if lost else None)

    @precondition(lambda self: self.cluster.streams)
    @rule(data=st.data())
    def a_watch_shows_something(self, data):
        self.do(self.cluster.show, data.draw(st.sampled_from(self.cluster.streams)))

    @precondition(lambda self: self.cluster.streams)
    @rule(data=st.data(), error=st.sampled_from([CUT_OFF, Gone(410, "Expired", "")]))
    def a_watch_ends(self, data, error):
        self.do(data.draw(st.sampled_from(self.cluster.streams)).queue.put_nowait, error)

    # What holds.

    @invariant()
    def no_finalizer_of_others_is_ever_touched(self):
        for ref, meta in self.cluster.objects.items():
            others = set(meta["finalizers"]) - {FINALIZERS[ref.kind]}
            assert others == self.cluster.theirs[meta["uid"]]

    def teardown(self):
        try:
            if self.operator is None:
                self.the_operator_starts()
            self.all_comes_to_rest()
            while self.cluster.late:
                self.cluster.carry_out(self.cluster.late[0])
            self.all_comes_to_rest()
            self.everything_is_as_it_should_be()
            self.idleness_costs_nothing()
            self.stop(self.operator)
        finally:
            paging.SIZE = self.page
            for task in asyncio.all_tasks(self.loop):
                task.cancel()
            self.loop.run_until_complete(asyncio.sleep(0))
            self.loop.close()

    def all_comes_to_rest(self):
        for _ in range(200):
            busy = self.everything_arrives()
            self.time_passes(400.0)
            if not busy and not self.operator.clock.armed and not self.cluster.unserved:
                return
        raise AssertionError("it does not come to rest")

    def everything_arrives(self):
        busy = False
        if self.operator.is_listening:
            for ref in RULESFILES:
                self.do(self.operator.hear, ref)
        while self.cluster.unserved or self.cluster.unanswered:
            busy = True
            for request in list(self.cluster.unserved):
                self.cluster.serve(request)
            for request in list(self.cluster.unanswered):
                self.do(self.cluster.answer, request)
        for stream in list(self.cluster.streams):
            while stream in self.cluster.streams and self.shown(stream):
                busy = True
        return busy

    def shown(self, stream):
        shown = []
        self.do(lambda: shown.append(self.cluster.show(stream)))
        return shown[0]

    def everything_is_as_it_should_be(self):
        named = {ref for found in self.artifacts.values() for ref in references(found.raw).all}
        for ref, meta in self.cluster.objects.items():
            is_protected = FINALIZERS[ref.kind] in meta["finalizers"]
            if "deletionTimestamp" not in meta:
                assert is_protected == (ref in named), ref
            assert not is_protected or ref in named, ref
        store = self.operator.protection.store
        for ref in named:  # so that those who name it know what to make of it
            assert store.is_absent(ref) == (ref not in self.cluster.objects), ref
            meta = self.cluster.objects.get(ref, {"deletionTimestamp": ""})
            assert "deletionTimestamp" in meta or store.get(ref) is not None, ref
        assert set(store.refs()) <= named
        assert named == self.operator.protection.references.actor.keys
        assert sorted(stream.kind for stream in self.cluster.streams) == sorted(FINALIZERS)

    def idleness_costs_nothing(self):
        before = self.cluster.requests.total()
        self.time_passes(3600.0)
        assert self.cluster.requests.total() == before
        assert self.operator.clock.armed == []


TestProtecting = Protecting.TestCase
TestProtecting.settings = settings(stateful_step_count=50)
