"""The finalizer of one Secret or ConfigMap, on a real API server.

The watch is played by the tests: they say when the Store learns of something.
"""

import json
import random
from contextlib import suppress

import pytest

from actors.actor import Runtime
from actors.client import Client
from actors.errors import ApiError, Unavailable
from actors.reference import ReferenceActor
from actors.reference_index import ReferenceIndex, scope_of
from actors.results import Done, RequeueAfter, Retire
from actors.scopes import Scopes
from actors.store import snapshot_of
from deploy.local.client import RefusedError
from resources.kinds import collection_path, object_path
from resources.reference import ObjectRef
from resources.references import FIELD_MANAGERS, FINALIZERS
from tests.actors.artifacts import artifact_ref, gone, told
from tests.fake_clock import FakeClock

THEIRS = "tests.example.org/hold"


class House:
    """One object, the artifact that may name it, and the actor, which runs when it is told."""

    def __init__(self, control_plane, client, namespace, kind):
        self.api = control_plane.client
        self.ref = ObjectRef(kind, namespace, "object")
        self.artifact = artifact_ref("rules", namespace=namespace)
        self.ours = FINALIZERS[kind]
        self.index = ReferenceIndex()
        self.scopes = Scopes(self.index)
        self.store = self.scopes.open(scope_of(self.ref))
        self.clock = FakeClock()
        self.client = client
        self.actor = self.fresh_actor()

    def fresh_actor(self):
        runtime = Runtime(self.clock, random.Random(1))
        return ReferenceActor(runtime, self.ref, self.client, self.scopes, self.index)

    async def run(self, reason="test"):
        return await self.actor.on_reconcile(frozenset({reason}))

    # What happens in the cluster.

    def create(self, *finalizers, **fields):
        body = {"metadata": {"name": self.ref.name, "finalizers": list(finalizers)}, **fields}
        return self.api.call("POST", collection_path(self.ref.kind, self.ref.namespace), body)

    def live(self):
        with suppress(RefusedError):
            return self.api.call("GET", object_path(self.ref))
        return None

    def finalizers(self):
        return self.live()["metadata"].get("finalizers", [])

    def set_finalizers(self, *names):
        body = self.live()
        body["metadata"]["finalizers"] = list(names)
        self.api.call("PUT", object_path(self.ref), body)

    def delete(self):
        self.api.call("DELETE", object_path(self.ref))

    # What the operator learns.

    def named(self):
        self.index.note(told(self.artifact, self.ref))

    def unnamed(self):
        self.index.note(gone(self.artifact))

    def listed(self):
        """The Store learns of the object as it is now."""
        path = collection_path(self.ref.kind, self.ref.namespace)
        found = self.api.call("GET", path)
        snapshots = [
            snapshot_of(self.ref.kind, json.dumps(item).encode()) for item in found["items"]
        ]
        revision = int(found["metadata"]["resourceVersion"])
        self.store.replace(self.ref.kind, snapshots, revision)


@pytest.fixture(params=["Secret", "ConfigMap"])
def house(control_plane, client, namespace, request):
    """An object that is there to be made, in a scope that is not listed yet."""
    made = House(control_plane, client, namespace, request.param)
    yield made
    if made.live() is not None:
        made.set_finalizers()


@pytest.fixture
def plural(house):
    return house.ref.kind.lower() + "s"


# Named and protected.


async def test_an_object_that_is_named_gets_the_finalizer_by_one_patch(house, requests, plural):
    house.create()
    house.named()
    house.listed()
    assert await house.run() == Done()
    assert house.finalizers() == [house.ours]
    assert requests == {("patch", plural, "200"): 1}
    assert house.actor.calls == 1


async def test_the_finalizer_alone_is_owned_by_a_manager_of_its_own(house):
    house.create(THEIRS)
    house.named()
    house.listed()
    await house.run()
    entry = next(
        entry
        for entry in house.live()["metadata"]["managedFields"]
        if entry["manager"] == FIELD_MANAGERS[house.ref.kind]
    )
    assert entry["fieldsV1"] == {"f:metadata": {"f:finalizers": {f'v:"{house.ours}"': {}}}}


async def test_what_is_protected_already_costs_nothing(house, requests):
    house.create(house.ours)
    house.named()
    house.listed()
    assert await house.run() == Done()
    assert await house.fresh_actor().on_reconcile(frozenset({"listed"})) == Done()
    assert not requests


async def test_before_the_scope_is_listed_nothing_is_asked(house, requests):
    house.create()
    house.named()
    assert await house.run() == Done()
    assert not requests


async def test_an_object_that_was_not_kept_when_it_was_seen_is_read_by_name_once(
    house, requests, plural
):
    house.create()
    house.listed()
    house.named()
    assert await house.run() == Done()
    assert house.finalizers() == [house.ours]
    assert await house.run() == Done()
    assert requests == {("get", plural, "200"): 1, ("patch", plural, "200"): 1}


async def test_an_object_that_is_not_there_is_not_waited_for_with_a_timer(house, requests, plural):
    house.named()
    house.listed()
    assert await house.run() == Done()
    assert requests == {("get", plural, "404"): 1}
    house.create()
    house.listed()
    assert await house.run() == Done()
    assert house.finalizers() == [house.ours]


async def test_an_object_that_is_being_deleted_is_not_protected_any_more(house, requests):
    house.create(THEIRS)
    house.delete()
    house.named()
    house.listed()
    assert await house.run() == Done()
    assert not requests
    assert house.finalizers() == [THEIRS]


async def test_an_object_whose_deletion_comes_first_is_let_alone_after_one_look(house):
    house.create(THEIRS)
    house.named()
    house.listed()
    house.delete()
    assert await house.run() == RequeueAfter(0.0)
    assert await house.run("timer") == Done()
    assert house.finalizers() == [THEIRS]


async def test_of_metadata_nothing_is_kept_but_what_is_read(house):
    content = "c2VjcmV0IHRva2Vu"
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": content}
    body = {"metadata": {"name": house.ref.name, "annotations": annotations}}
    path = collection_path(house.ref.kind, house.ref.namespace)
    house.api.call("POST", path, {**body, "data": {"token": content}})
    house.listed()
    house.named()
    await house.run()
    assert house.finalizers() == [house.ours]
    assert content not in repr(vars(house.actor._writer.view))
    house.listed()
    assert content not in repr(house.store._objects)


# Named no more.


async def test_the_finalizer_goes_with_the_last_reference_and_so_does_the_actor(house, requests):
    house.create(THEIRS, house.ours)
    house.named()
    house.listed()
    house.unnamed()
    assert await house.run() == Retire()
    assert house.finalizers() == [THEIRS]
    assert sum(requests.values()) == 1


async def test_a_deletion_that_waited_completes(house):
    house.create()
    house.named()
    house.listed()
    await house.run()
    house.delete()
    house.listed()
    assert await house.run() == Done()
    assert house.finalizers() == [house.ours]
    house.unnamed()
    assert await house.run() == Retire()
    assert house.live() is None


async def test_what_nobody_names_and_nothing_protects_costs_nothing(house, requests):
    house.create()
    house.listed()
    assert await house.run() == Retire()
    assert not requests


async def test_a_reference_that_goes_before_the_watch_shows_our_patch_is_undone(house):
    house.create()
    house.named()
    house.listed()
    await house.run()
    house.unnamed()
    house.scopes.close(scope_of(house.ref), house.store)
    assert await house.run() == Retire()
    assert house.finalizers() == []


# What goes wrong.


class Lossy(Client):
    """Loses the answers to the next patches, which were carried out all the same."""

    lost = 0

    async def merge_metadata(self, *arguments):
        answer = await super().merge_metadata(*arguments)
        if self.lost:
            self.lost -= 1
            raise Unavailable(0, "ServerDisconnectedError", "no answer")
        return answer


async def test_a_patch_whose_answer_was_lost_is_undone_though_nobody_has_seen_it(house, transport):
    house.client = Lossy(transport)
    house.actor = house.fresh_actor()
    house.create()
    house.named()
    house.listed()
    house.client.lost = 1
    assert isinstance(await house.run(), RequeueAfter)
    assert house.finalizers() == [house.ours]
    house.unnamed()
    house.scopes.close(scope_of(house.ref), house.store)
    assert await house.run("timer") == Retire()
    assert house.finalizers() == []


async def test_a_restarted_actor_does_not_trust_that_its_last_life_wrote_nothing(house):
    house.create()
    house.named()
    house.listed()
    await house.run()
    house.unnamed()
    house.scopes.close(scope_of(house.ref), house.store)
    assert await house.fresh_actor().on_reconcile(frozenset({"restarted"})) == Retire()
    assert house.finalizers() == []


async def test_another_incarnation_is_left_alone_until_it_was_looked_at(house, requests, plural):
    house.create(house.ours)
    house.named()
    house.listed()
    house.set_finalizers()
    house.delete()
    house.create(THEIRS, house.ours)
    house.unnamed()
    assert await house.run() == RequeueAfter(0.0)
    assert house.finalizers() == [THEIRS, house.ours]
    assert await house.run("timer") == Retire()
    assert house.finalizers() == [THEIRS]
    assert requests["patch", plural, "422"] == 1
    assert sum(requests.values()) == 3


async def test_an_object_that_vanished_under_a_patch_is_looked_for_once(house, requests, plural):
    house.create(house.ours)
    house.named()
    house.listed()
    house.set_finalizers()
    house.delete()
    house.unnamed()
    assert await house.run() == RequeueAfter(0.0)
    assert await house.run("timer") == Retire()
    assert requests == {("patch", plural, "404"): 1, ("get", plural, "404"): 1}


async def test_without_the_right_it_is_tried_again_after_one_two_and_then_five_minutes(
    house, connect, account
):
    house.client = Client(await connect(account))
    house.actor = house.fresh_actor()
    house.create()
    house.named()
    house.listed()
    waits = [await house.run() for _ in range(4)]
    assert waits == [RequeueAfter(seconds) for seconds in (60.0, 120.0, 300.0, 300.0)]
    assert house.finalizers() == []


async def test_who_removes_the_finalizer_again_and_again_is_let_be_for_five_minutes(house):
    house.create()
    house.named()
    for _ in range(5):
        house.listed()
        assert await house.run() == Done()
        assert house.finalizers() == [house.ours]
        house.set_finalizers()
    house.listed()
    assert await house.run() == RequeueAfter(300.0)
    assert house.finalizers() == []
    await house.clock.advance(300.0)
    assert await house.run("timer") == Done()
    assert house.finalizers() == [house.ours]


async def test_a_recreated_object_is_not_taken_for_one_that_is_fought_over(house):
    house.named()
    for _ in range(8):
        house.create()
        house.listed()
        assert await house.run() == Done()
        assert house.finalizers() == [house.ours]
        house.set_finalizers()
        house.delete()
    house.listed()
    assert await house.run() == Done()


async def test_it_says_whether_it_is_named(house):
    assert house.actor.describe()["referenced"] is False
    house.named()
    assert house.actor.describe()["referenced"] is True
    assert house.actor.describe()["object"] == str(house.ref)


async def test_no_error_is_a_crash(house, transport):
    class Down(Client):
        async def get(self, *_arguments):
            raise ApiError(503, "ServiceUnavailable", "down", retry_after=7.0)

    house.client = Down(transport)
    house.actor = house.fresh_actor()
    house.named()
    house.listed()
    assert await house.run() == RequeueAfter(7.0)
