"""One child on a real API server, as a watch of our label shows it: late, or not at all."""

from uuid import uuid4

import msgspec
import pytest

from actors.api.client import Client
from actors.watch.store import Store, snapshot_of
from actors.watch.view import View
from actors.write.applier import Applier
from actors.write.errors import NameConflict
from actors.write.writer import Writer
from resources.instance.children import Parent
from resources.instance.outcome import Update
from resources.kubernetes.kinds import KINDS
from resources.kubernetes.reference import ObjectRef, Owner
from tests.fake_clock import FakeClock

MANAGER = "falco-controller"


@pytest.fixture
async def client(mortal, connect):
    """Of an API server without a garbage collector: it would take what has no owner."""
    return Client(await connect(mortal))


@pytest.fixture
def owner():
    return Owner(ObjectRef("Falco", "default", f"falco-{uuid4().hex[:8]}"), str(uuid4()))


@pytest.fixture
def child(owner):
    return Parent(owner, {"team": "ours"}).child("ConfigMap", data={"falco.yaml": "ours"})


@pytest.fixture
def store():
    """Shows nothing but what a test puts in."""
    return Store()


@pytest.fixture
def applier(client, store, owner):
    return Applier(Writer(client, View(store), MANAGER), owner, FakeClock())


@pytest.fixture
async def theirs(client, child):
    """A ConfigMap of somebody else that has the child's name."""
    return snapshot_of("ConfigMap", await client.apply(child.ref, body(child.ref), "somebody"))


def body(ref, **fields):
    metadata = {"name": ref.name, "namespace": ref.namespace}
    return {
        "apiVersion": KINDS[ref.kind].api_version,
        "kind": ref.kind,
        "metadata": metadata,
    } | fields


async def data_of(client, ref):
    return msgspec.json.decode(await client.get(ref)).get("data")


async def test_a_free_name_is_claimed_and_then_left_alone(applier, client, child):
    assert await applier.ensure(child) == child.ref
    assert await data_of(client, child.ref) == {"falco.yaml": "ours"}
    assert await applier.ensure(child) is None


@pytest.mark.parametrize("ahead", [0, 1_000_000], ids=["behind", "ahead"])
async def test_a_foreign_object_is_a_conflict_however_far_the_watch_has_come(
    applier, client, store, child, theirs, ahead
):
    store.advance("ConfigMap", ahead)
    for _ in range(2):
        with pytest.raises(NameConflict):
            await applier.ensure(child)
    live = snapshot_of("ConfigMap", await client.get(child.ref))
    assert live.meta.resource_version == theirs.meta.resource_version


@pytest.mark.parametrize("ahead", [0, 1_000_000], ids=["behind", "ahead"])
async def test_a_foreign_object_that_is_gone_is_no_conflict_though_no_watch_tells(
    applier, client, store, child, theirs, ahead
):
    store.advance("ConfigMap", ahead)
    with pytest.raises(NameConflict):
        await applier.ensure(child)
    await client.delete(child.ref, theirs.meta.uid)
    assert await applier.ensure(child) == child.ref


@pytest.mark.parametrize("ahead", [0, 1_000_000], ids=["behind", "ahead"])
async def test_an_own_child_that_no_watch_shows_is_brought_back_to_what_is_wanted(
    client, store, owner, child, ahead
):
    earlier = Applier(Writer(client, View(Store()), MANAGER), owner, FakeClock())
    await earlier.ensure(child)
    await client.apply(child.ref, body(child.ref, data={"falco.yaml": "theirs"}), "somebody")
    store.advance("ConfigMap", ahead)
    applier = Applier(Writer(client, View(store), MANAGER), owner, FakeClock())
    updated = await applier.ensure(child)
    assert isinstance(updated, Update)
    assert [found.other_manager for found in updated.differences] == ["somebody"]
    assert await data_of(client, child.ref) == {"falco.yaml": "ours"}


async def test_what_the_api_server_does_not_keep_is_applied_once_and_is_no_update(
    applier, client, owner, requests
):
    status = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
    ports = [{"port": 80, "protocol": "TCP"}]
    child = Parent(owner, {}).child("Service", spec={"ports": ports}, status=status)
    assert await applier.ensure(child) == child.ref
    assert await applier.ensure(child) is None
    after_restart = Applier(Writer(client, View(Store()), MANAGER), owner, FakeClock())
    assert await after_restart.ensure(child) is None
    asked = requests.total()
    assert await after_restart.ensure(child) is None
    assert requests.total() == asked
