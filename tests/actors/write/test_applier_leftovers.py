"""Children of an earlier incarnation, which no garbage collector deletes, on a real API server."""

from uuid import uuid4

import msgspec
import pytest

from actors.api.client import Client
from actors.api.errors import Conflict, NotFound
from actors.watch.store import Store, snapshot_of
from actors.watch.view import View
from actors.write.applier import Applier
from actors.write.errors import Leaving, NameConflict
from actors.write.writer import Writer
from deploy.local.target import ALL_BUT_OPERATOR, INSTALL
from resources.instance.children import Parent
from resources.instance.labels import child_labels
from resources.instance.outcome import Update
from resources.kubernetes.kinds import KINDS
from resources.kubernetes.reference import ObjectRef, Owner
from tests.fake_clock import FakeClock

MANAGER = "falco-controller"
GRACE = 30


class House:
    """A Falco, a child of an earlier Falco of that name, and who is to have it."""

    def __init__(self, client, ref):
        self.client = client
        self.clock = FakeClock()
        self.store = Store()
        self.earlier = self._parent(Owner(ref, str(uuid4())))
        self.ref = ref

    async def build(self):
        document = {
            "apiVersion": KINDS["Falco"].api_version,
            "kind": "Falco",
            "metadata": {"name": self.ref.name, "namespace": self.ref.namespace},
        }
        made = snapshot_of("Falco", await self.client.apply(self.ref, document, "a-user"))
        self.owner = Owner(self.ref, made.meta.uid or "")
        self.applier = self.applier_of(self.owner)

    def applier_of(self, owner):
        writer = Writer(self.client, View(self.store), MANAGER)
        return Applier(writer, owner, self.clock)

    @property
    def child(self):
        return self._parent(self.owner).child("ConfigMap", data={"falco.yaml": "new"})

    async def leave(self, manager=MANAGER):
        """The earlier Falco has left its child, as this manager has applied it."""
        body = self.earlier.child("ConfigMap", data={"falco.yaml": "old"}).body
        raw = await self.client.apply(self.child.ref, body, manager)
        self.store.put(snapshot_of("ConfigMap", raw))

    async def live(self):
        return msgspec.json.decode(await self.client.get(self.child.ref))

    async def owners(self):
        return [owner["uid"] for owner in (await self.live())["metadata"]["ownerReferences"]]

    def _parent(self, owner):
        return Parent(owner, child_labels(owner.ref.name, None, ()))


@pytest.fixture
async def house(mortal, connect):
    mortal.apply_crds([INSTALL], ALL_BUT_OPERATOR)
    ref = ObjectRef("Falco", "default", f"falco-{uuid4().hex[:8]}")
    made = House(Client(await connect(mortal)), ref)
    await made.build()
    return made


async def test_it_is_left_to_the_garbage_collector_for_a_while_and_then_taken_over(house):
    await house.leave()
    before = await house.live()
    for _ in range(2):
        with pytest.raises(Leaving, match="waits for the garbage collector"):
            await house.applier.ensure(house.child)
        await house.clock.advance(GRACE - 1)
    assert await house.live() == before
    await house.clock.advance(1)
    updated = await house.applier.ensure(house.child)
    assert isinstance(updated, Update)
    assert not updated.drift
    after = await house.live()
    assert await house.owners() == [house.owner.uid]
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["data"] == {"falco.yaml": "new"}
    assert await house.applier.ensure(house.child) is None


async def test_it_is_deleted_if_it_is_not_wanted(house):
    await house.leave()
    with pytest.raises(Leaving):
        await house.applier.prune(house.child.ref)
    await house.clock.advance(GRACE)
    assert await house.applier.prune(house.child.ref)
    with pytest.raises(NotFound):
        await house.live()


async def test_what_has_changed_since_it_was_seen_is_looked_at_again(house):
    await house.leave()
    with pytest.raises(Leaving):
        await house.applier.ensure(house.child)
    await house.clock.advance(GRACE)
    annotated = {"annotations": {"a": "b"}, "labels": {}}
    body = house.child.body | {"metadata": house.child.body["metadata"] | annotated}
    del body["metadata"]["ownerReferences"]
    await house.client.apply(house.child.ref, body, "somebody")
    with pytest.raises(Conflict):
        await house.applier.ensure(house.child)
    assert await house.owners() == [house.earlier.owner.uid]


async def test_what_somebody_else_has_applied_stays_theirs(house):
    await house.leave(manager="somebody")
    before = await house.live()
    for _ in range(2):
        with pytest.raises(NameConflict):
            await house.applier.ensure(house.child)
        assert not await house.applier.prune(house.child.ref)
        await house.clock.advance(GRACE)
    assert await house.live() == before


async def test_it_may_be_of_a_later_incarnation_than_the_one_that_is_known(house):
    await house.leave()
    outdated = house.applier_of(Owner(house.ref, str(uuid4())))
    with pytest.raises(Leaving):
        await outdated.ensure(house.child)
    await house.clock.advance(GRACE)
    with pytest.raises(Conflict):
        await outdated.ensure(house.child)
    with pytest.raises(Conflict):
        await outdated.prune(house.child.ref)
    assert await house.owners() == [house.earlier.owner.uid]
