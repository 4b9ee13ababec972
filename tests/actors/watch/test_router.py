"""Who is woken, and when."""

import pytest

from actors.runtime.reason import Cause, Reason
from actors.watch.router import ChildRoutes, Needs, Notice, Router, Routes, resource_changed
from actors.watch.store import Change, Store
from resources.kubernetes.reference import ObjectRef
from tests.actor_examples import exits_of, fake_runtime
from tests.actors.watch.stored import child, cluster_child, falco, owned, snapshot
from tests.fake_clock import settle

RESOURCE_KINDS = ("Falco", "Plugin")
CHILD_KINDS = ("ConfigMap", "ClusterRole", "ClusterRoleBinding")
KINDS = (*RESOURCE_KINDS, *CHILD_KINDS)
PLUGIN = ObjectRef("Plugin", "namespace", "json")


class House:
    """A Router, the Store before it, and what it delivers."""

    def __init__(self, needs=None):
        self.store = Store()
        self.delivered = []
        runtime, _, _ = fake_runtime()
        children = ChildRoutes(self.store)
        routes = Routes(
            handlers={
                **dict.fromkeys(RESOURCE_KINDS, (resource_changed,)),
                **dict.fromkeys(CHILD_KINDS, (children.child_changed,)),
            },
            deliver=dict.fromkeys(RESOURCE_KINDS, self.deliver),
            on_listed=lambda _kinds: children.all_listed(),
            needs=needs or {},
        )
        self.router = Router(runtime, routes)
        self.ref = self.router.launch()
        self.exits = exits_of(self.ref)

    def deliver(self, ref, message):
        self.delivered.append((ref, message.reason.text))

    async def list(self, *kinds):
        for kind in kinds:
            self.router.listed(kind)
        await settle()

    async def tell(self, change):
        self.router.changed(change)
        await settle()

    def take(self):
        delivered, self.delivered = self.delivered, []
        return delivered


@pytest.fixture
async def house():
    """A Router that has seen no list yet."""
    made = House()
    yield made
    assert made.exits == []
    await made.ref.stop()


@pytest.fixture
async def listed(house):
    """A Router that knows of one Falco, and has delivered all at the beginning."""
    house.store.put(snapshot(falco(), 1))
    await house.list(*KINDS)
    assert house.take() == [(falco(), "listed")]
    return house


# Before all is listed.


async def test_nothing_is_delivered_before_every_kind_is_listed(house):
    await house.tell(house.store.put(snapshot(falco(), 1)))
    await house.tell(house.store.put(owned(child(), 2, falco())))
    await house.list(*KINDS[1:])
    await house.list(*KINDS[1:])
    assert house.delivered == []
    assert house.router.waits_for == "not yet listed: Falco"
    await house.list("Falco")
    assert house.take() == [(falco(), "listed")]
    assert house.router.waits_for is None


async def test_once_all_is_listed_each_resource_and_each_orphan_s_owner_is_told_once(house):
    present, vanished = falco("present"), falco("vanished")
    house.store.put(snapshot(present, 1))
    house.store.put(snapshot(falco("without-children"), 1))
    house.store.put(snapshot(PLUGIN, 1))
    for kind in ("ClusterRole", "ClusterRoleBinding"):
        house.store.put(owned(cluster_child(kind, "present"), 2, present))
        house.store.put(owned(cluster_child(kind, "vanished"), 2, vanished))
        house.store.put(snapshot(cluster_child(kind, "nobody-s"), 2))
    house.store.put(owned(child(), 2, falco("collected")))
    await house.list(*KINDS)
    assert sorted(house.take()) == [
        (present, "listed"),
        (vanished, "orphaned"),
        (falco("without-children"), "listed"),
        (PLUGIN, "listed"),
    ]


# What each kind needs.


NEEDS = {
    "Falco": Needs(frozenset({"Falco", *CHILD_KINDS}), frozenset({"Plugin"})),
    "Plugin": Needs(frozenset({"Plugin"})),
}


@pytest.fixture
async def choosy():
    """A Router whose Falcos need their children and know of Plugins; Plugins need only Plugins."""
    made = House(NEEDS)
    made.store.put(snapshot(falco(), 1))
    made.store.put(snapshot(PLUGIN, 1))
    yield made
    assert made.exits == []
    await made.ref.stop()


async def test_a_kind_that_is_not_listed_holds_up_those_only_who_need_it(choosy):
    await choosy.list("Plugin")
    assert choosy.take() == [(PLUGIN, "listed")]
    waits_for = "not yet listed: ClusterRole, ClusterRoleBinding, ConfigMap, Falco"
    assert choosy.router.waits_for == waits_for
    await choosy.list("Falco", *CHILD_KINDS)
    assert choosy.take() == [(falco(), "listed")]
    assert choosy.router.is_listed


async def test_a_missing_crd_stops_nobody_who_could_do_without(choosy):
    choosy.store.remove(PLUGIN, 2)
    choosy.router.absent("Plugin")
    await choosy.list("Falco", *CHILD_KINDS)
    assert choosy.take() == [(falco(), "listed")]
    assert (choosy.router.waits_for, choosy.router.missing) == (None, ("Plugin",))
    assert not choosy.router.is_listed
    await choosy.tell(choosy.store.put(snapshot(PLUGIN, 3)))
    await choosy.list("Plugin")
    assert choosy.take() == [(PLUGIN, "listed")]
    assert choosy.router.missing == ()


async def test_nothing_of_a_kind_is_cleaned_up_while_its_own_crd_is_missing(choosy):
    choosy.store.remove(falco(), 2)
    choosy.store.put(owned(cluster_child(), 2, falco()))
    choosy.router.absent("Falco")
    await choosy.list("Plugin", *CHILD_KINDS)
    await choosy.tell(choosy.store.put(owned(cluster_child(), 3, falco())))
    assert choosy.take() == [(PLUGIN, "listed")]
    await choosy.list("Falco")
    assert choosy.take() == [(falco(), "orphaned")]


async def test_a_crd_that_goes_later_stops_nobody(listed):
    listed.router.absent("Plugin")
    await listed.tell(listed.store.put(snapshot(falco(), 9)))
    assert listed.take() == [(falco(), "changed Falco falco@9")]
    assert listed.router.missing == ("Plugin",)


async def test_a_relist_tells_nobody_anew(listed):
    await listed.list(*KINDS)
    assert listed.delivered == []


# Afterwards.

OWNED = owned(child(), 5, falco())
CLUSTER_OWNED = owned(cluster_child(), 5, falco())
CLUSTER_NAME = cluster_child().name
GONE = falco("gone")


@pytest.mark.parametrize(
    ("change", "delivered"),
    [
        (Change(falco(), None, snapshot(falco(), 5)), [(falco(), "changed Falco falco@5")]),
        (Change(falco(), snapshot(falco(), 5), None), [(falco(), "deleted Falco falco@5")]),
        (Change(PLUGIN, None, snapshot(PLUGIN, 5)), [(PLUGIN, "changed Plugin json@5")]),
        (Change(PLUGIN, snapshot(PLUGIN, 5), None), [(PLUGIN, "deleted Plugin json@5")]),
        (Change(OWNED.ref, None, OWNED), [(falco(), "changed ConfigMap falco@5")]),
        (Change(OWNED.ref, OWNED, OWNED), [(falco(), "changed ConfigMap falco@5")]),
        (Change(OWNED.ref, OWNED, None), [(falco(), "deleted ConfigMap falco@5")]),
        (
            Change(OWNED.ref, OWNED, snapshot(OWNED.ref, 6)),
            [(falco(), "changed ConfigMap falco@6")],
        ),
        (
            Change(CLUSTER_OWNED.ref, None, CLUSTER_OWNED),
            [(falco(), f"changed ClusterRole {CLUSTER_NAME}@5")],
        ),
        (
            Change(CLUSTER_OWNED.ref, CLUSTER_OWNED, None),
            [(falco(), f"deleted ClusterRole {CLUSTER_NAME}@5")],
        ),
        (Change(child(), None, snapshot(child(), 5)), []),
        (Change(child(), None, owned(child(), 5, GONE)), []),
        (Change(child(), owned(child(), 5, GONE), None), []),
        (
            Change(cluster_child(), None, owned(cluster_child(), 5, GONE)),
            [(GONE, f"changed ClusterRole {CLUSTER_NAME}@5")],
        ),
        (Change(cluster_child(), owned(cluster_child(), 5, GONE), None), []),
        (
            Change(cluster_child(), None, owned(cluster_child(), 5, GONE._replace(kind="Foreign"))),
            [],
        ),
    ],
    ids=[
        "a resource that came",
        "a resource that went",
        "an artifact that came",
        "an artifact that went",
        "a child that came",
        "a child that changed",
        "a child that went",
        "a child that lost its owner reference",
        "a cluster-scoped child that came",
        "a cluster-scoped child that went",
        "an object that is nobody's",
        "a child that a vanished owner left, for the garbage collector",
        "a child that was collected",
        "a cluster-scoped child that a vanished owner left, for nobody but us",
        "a cluster-scoped child that we have cleaned up",
        "an owner of a kind that is not ours",
    ],
)
async def test_a_change_goes_to_whom_it_concerns(listed, change, delivered):
    await listed.tell(change)
    assert listed.take() == delivered


async def test_a_child_that_changes_hands_is_told_to_both_owners(listed):
    listed.store.put(snapshot(falco("second"), 2))
    before, after = owned(child(), 5, falco()), owned(child(), 6, falco("second"))
    await listed.tell(Change(child(), before, after))
    assert listed.take() == [
        (falco(), "changed ConfigMap falco@6"),
        (falco("second"), "changed ConfigMap falco@6"),
    ]


async def test_after_a_relist_only_what_is_different_wakes_somebody(listed):
    unchanged, second = owned(child(), 5, falco()), falco("second")
    listed.store.put(unchanged)
    listed.store.put(snapshot(second, 2))
    before = owned(child(name="second"), 6, second)
    listed.store.put(before)
    changes = listed.store.replace("ConfigMap", [unchanged], 9)
    for change in changes:
        await listed.tell(change)
    assert listed.take() == [(second, "deleted ConfigMap second@6")]


async def test_changes_of_one_resource_are_delivered_in_their_order(listed):
    for change in (OWNED, CLUSTER_OWNED):
        listed.router.changed(Change(change.ref, None, change))
    listed.router.changed(Change(falco(), None, snapshot(falco(), 6)))
    await settle()
    reasons = [reason for _, reason in listed.take()]
    assert reasons == [
        "changed ConfigMap falco@5",
        f"changed ClusterRole {CLUSTER_NAME}@5",
        "changed Falco falco@6",
    ]


async def test_all_handlers_of_a_kind_take_in_a_change_before_anybody_is_told(house):
    seen = []

    def index(change):
        seen.append(change.ref)
        return Notice((), Reason(Cause.CHANGED))

    def deliver(ref, _message):
        assert seen == [ref]
        house.deliver(ref, _message)

    runtime, _, _ = fake_runtime()
    router = Router(
        runtime,
        Routes({"Plugin": [index, resource_changed]}, {"Plugin": deliver}, lambda _kinds: ()),
    )
    ref = router.launch()
    router.listed("Plugin")
    router.changed(Change(PLUGIN, None, snapshot(PLUGIN, 5)))
    assert seen == [PLUGIN]
    await settle()
    assert house.take() == [(PLUGIN, "changed Plugin json@5")]
    await ref.stop()


async def test_a_router_that_has_ended_takes_no_notice_and_raises_nothing(listed):
    await listed.ref.stop()
    listed.router.changed(Change(PLUGIN, None, snapshot(PLUGIN, 5)))
    await settle()
    assert listed.delivered == []
    listed.exits.clear()
