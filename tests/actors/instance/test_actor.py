"""The actor of one Falco on a real API server, run by hand, without any watch."""

import random
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from actors.api.client import Client
from actors.api.errors import Conflict, Forbidden, NotFound, Refused, Unavailable
from actors.instance import actor as module
from actors.instance.actor import InstanceActor, InstanceServices
from actors.instance.kinds import FALCO
from actors.runtime.context import Runtime
from actors.runtime.reason import Cause, Reason, Reasons
from actors.runtime.results import Blocked, Done, RequeueAfter, Retire
from actors.watch.store import Store, snapshot_of
from resources.falco.desired import FalcoSettings
from resources.falco.rights import Readable
from resources.instance.reconcile_mode import ANNOTATION
from resources.instance.status import WorkloadStatus
from resources.kubernetes.kinds import CHILD_KINDS, KINDS
from resources.kubernetes.reference import ObjectRef
from tests.fake_clock import FakeClock

CHILDREN = tuple(kind for kind in CHILD_KINDS if kind != "Deployment")

pytestmark = pytest.mark.usefixtures("cluster")


class House:
    """One Falco and its actor, which runs when it is told."""

    def __init__(self, transport, namespace, store=None, requests=None):
        self.clock = FakeClock()
        self.client = client = Client(transport, self.clock)
        self.store = store or Store()
        self.ref = ObjectRef("Falco", namespace, "falco")
        self.records: list[Any] = []
        services = InstanceServices(client, self.store, self.records.append, lambda _: None)
        self._requests = Counter() if requests is None else requests
        self.calls = 0
        """Requests that the last run made."""
        self.actor = InstanceActor(
            Runtime(self.clock, random.Random(1)),
            self.ref,
            FALCO,
            services,
            lambda: FalcoSettings("example.org/sidecar:1"),
            lambda _: Readable(),
        )

    def child(self, kind):
        namespaced = KINDS[kind].namespaced
        name, namespace = self.ref.name, self.ref.namespace
        return ObjectRef(
            kind, namespace if namespaced else "", name if namespaced else f"{name}--{namespace}"
        )

    async def put(self, spec=None, **metadata):
        body = {
            "apiVersion": KINDS["Falco"].api_version,
            "kind": "Falco",
            "metadata": {"name": self.ref.name, "namespace": self.ref.namespace, **metadata},
            "spec": spec or {},
        }
        self.store.put(snapshot_of("Falco", await self.client.apply(self.ref, body, "a-user")))

    async def show(self):
        """The watch has shown the Falco as it is now."""
        self.store.put(snapshot_of("Falco", await self.client.get(self.ref)))

    async def live(self):
        return msgspec.json.decode(await self.client.get(self.ref))

    async def run(self, cause=Cause.CHANGED):
        before = self._requests.total()
        result = await self.actor.on_reconcile(Reasons(Reason(cause)))
        self.calls = self._requests.total() - before
        return result

    @property
    def told(self):
        return [record.draft.reason for record in self.records]


@pytest.fixture
async def house(transport, namespace, requests):
    """A Falco of which nothing is made yet."""
    made = House(transport, namespace, requests=requests)
    await made.put()
    yield made
    with suppress(NotFound):
        await made.client.delete(made.ref, (await made.live())["metadata"]["uid"])
        await made.show()
        await made.run()


async def reconciled(house):
    conditions = (await house.live())["status"]["conditions"]
    (condition,) = (known for known in conditions if known["type"] == "Reconciled")
    return condition["status"], condition["reason"]


async def test_children_and_status_are_written_once_and_nothing_after_that(house):
    assert await house.run() == Done()
    workload = ObjectRef("DaemonSet", house.ref.namespace, "falco")
    assert await house.client.get(workload)
    assert (await reconciled(house))[0] == "True"
    assert house.told
    told, calls = house.told, house.calls
    assert calls > 3
    assert await house.run() == Done()
    assert (house.calls, house.told) == (0, told)


async def test_a_spec_that_cannot_be_carried_out_is_told_in_the_status_and_waited_for(house):
    await house.put({"version": "not a version"})
    assert isinstance(await house.run(), Blocked)
    assert (await reconciled(house))[0] == "False"
    with pytest.raises(NotFound):
        await house.client.get(ObjectRef("DaemonSet", house.ref.namespace, "falco"))


async def test_a_paused_falco_is_left_alone(house):
    await house.put(annotations={ANNOTATION: "paused"})
    assert await house.run() == Blocked("Paused")
    assert house.calls == 1


async def test_a_deleted_falco_takes_its_cluster_scoped_children_along(house):
    await house.run()
    live = await house.live()
    assert not await house.client.delete(house.ref, live["metadata"]["uid"])
    await house.show()
    assert await house.run() == Done()
    assert house.told[-1] == "InstanceDeleted"
    with pytest.raises(NotFound):
        await house.client.get(house.ref)
    house.store.remove(house.ref, 1 << 60)
    assert await house.run() == RequeueAfter(1.0, "the resource's DELETED event")
    assert await house.run(Cause.TIMER) == Retire()


async def vanish(house, *, deleted=False):
    """The Falco is gone, and no watch has told; its actor perhaps knows that it was deleted."""
    live = await house.live()
    if deleted:
        await house.client.delete(house.ref, live["metadata"]["uid"])
        await house.show()
    free = [{"op": "remove", "path": "/metadata/finalizers"}]
    await house.client.json_patch(house.ref, free, "administrator")
    if not deleted:
        await house.client.delete(house.ref, live["metadata"]["uid"])


async def test_a_deletion_that_somebody_else_has_ended_is_ended(house, caplog):
    await house.run()
    await vanish(house, deleted=True)
    caplog.set_level("INFO")
    assert await house.run() == Done()
    assert house.told[-1] == "InstanceDeleted"
    assert caplog.records == []
    with pytest.raises(NotFound):
        await house.client.get(house.child("ClusterRole"))


def is_long_race(house, record):
    """Whether it is logged that the object of a request was gone or another for the fifth time."""
    (error,) = record.args or (None,)
    return (record.name, record.levelname, record.object) == (
        "actors.write.writing_actor",
        "INFO",
        str(house.ref),
    ) and isinstance(error, Conflict | NotFound)


async def test_a_falco_that_vanished_under_its_status_is_cleaned_up_after_at_once(house, caplog):
    await house.run()
    house.store.put(snapshot_of("Falco", await house.client.get(house.ref)))
    await house.put({"version": "0.43.0"})
    await vanish(house)
    caplog.set_level("INFO")
    # The garbage collector may be as quick as to take a child, too, which costs a try more.
    for _ in range(10):
        result = await house.run()
        if result == RequeueAfter(1.0, "the resource's DELETED event"):
            break
    else:
        pytest.fail(f"still {result}")
    assert [record for record in caplog.records if not is_long_race(house, record)] == []
    for kind in ("ClusterRole", "ClusterRoleBinding"):
        with pytest.raises(NotFound):
            await house.client.get(house.child(kind))


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (Unavailable(503, "ServiceUnavailable", "", retry_after=7.0), 7.0),
        (Refused(403, "Forbidden", "no"), 60.0),
        (Conflict(409, "Conflict", "changed"), 0.0),
    ],
)
async def test_an_error_of_the_status_ends_the_reconcile_and_never_the_actor(
    house, monkeypatch, error, seconds
):
    async def fail(*_):
        raise error

    monkeypatch.setattr(house.actor, "_report_status", fail)
    assert await house.run() == RequeueAfter(seconds, f"retry after {type(error).__name__}")
    assert house.calls > 3
    assert house.told == []
    monkeypatch.undo()
    assert await house.run() == Done()


def containers(**fields):
    return {"podTemplateSpec": {"spec": {"containers": [{"name": "falco", **fields}]}}}


CERTIFICATE = {"signerName": "a.example/b", "keyType": "ED25519", "credentialBundlePath": "c"}
SOURCES = [{"podCertificate": CERTIFICATE}]
UNSTORED = {
    "spec.template.spec.containers[name=falco].lifecycle.stopSignal": containers(
        lifecycle={"stopSignal": "SIGUSR1"}
    ),
    "spec.template.spec.volumes[name=c].projected.sources": {
        "podTemplateSpec": {"spec": {"volumes": [{"name": "c", "projected": {"sources": SOURCES}}]}}
    },
}


async def message(house):
    return (await house.live())["status"]["conditions"][0]["message"]


@pytest.mark.parametrize("field", UNSTORED)
async def test_a_field_that_the_api_server_drops_is_a_warning_and_neither_drift_nor_a_request(
    transport, namespace, requests, field
):
    house = House(transport, namespace, requests=requests)
    await house.put(UNSTORED[field])
    assert await house.run() == Done()
    warning = f"; warning: the API server did not store {field} of DaemonSet falco; perhaps a"
    assert (await reconciled(house), house.calls) == (("True", "ResourceCreated"), 10)
    assert warning in (told := await message(house))
    assert await house.run() == Done()
    assert (house.calls, await message(house)) == (0, told)

    # Another operator applies nothing and tells the same: managedFields have what was applied. Its
    # one request is about the pods, which real controllers have made meanwhile.
    for kind in CHILDREN:
        house.store.put(snapshot_of(kind, await house.client.get(house.child(kind))))
    successor = House(transport, namespace, house.store, requests)
    await successor.show()
    await successor.run()
    assert successor.calls <= 1
    assert (successor.told, await message(successor)) == ([], told)

    await successor.put({"version": "0.44.1"})
    await successor.run()
    assert "warning" not in await message(successor)
    assert "DriftDetected" not in successor.told
    await deleted(successor)


async def test_a_field_that_the_api_server_has_dropped_is_not_reported_as_drift(
    transport, namespace
):
    house, spec = House(transport, namespace), containers(lifecycle={"stopSignal": "SIGUSR1"})
    await house.put(spec)
    await house.run()
    for kind in CHILDREN:
        house.store.put(snapshot_of(kind, await house.client.get(house.child(kind))))
    successor = House(transport, namespace, house.store)
    await successor.put(spec, annotations={ANNOTATION: "detect"})
    await successor.run()
    assert (successor.told, (await reconciled(successor))[0]) == ([], "True")
    await deleted(successor)


BUSY = Unavailable(429, "TooManyRequests", "overloaded", retry_after=2.0)
NO_ROLES = Forbidden(403, "Forbidden", 'User "operator" cannot patch resource "daemonsets"')


class Overloaded:
    """A transport whose API server answers the first writes of DaemonSets by this error."""

    def __init__(self, transport, error=BUSY, times=1):
        self._transport = transport
        self._error, self._times = error, times
        self.sent = 0

    async def request(self, method, path, **options):
        if "daemonsets" not in path:
            return await self._transport.request(method, path, **options)
        self.sent += 1
        if self.sent <= self._times:
            raise self._error
        return await self._transport.request(method, path, **options)


async def test_an_actor_that_is_woken_early_keeps_to_retry_after(transport, namespace):
    overloaded = Overloaded(transport)
    house = House(overloaded, namespace)
    await house.put()
    result = await house.run()
    assert isinstance(result, RequeueAfter)
    assert result.seconds == 2.0
    await house.show()
    await house.clock.advance(0.5)
    assert await house.run() == RequeueAfter(1.5, "retry after a failed request")
    assert overloaded.sent == 1
    assert "overloaded" in (await house.live())["status"]["conditions"][0]["message"]
    await house.put({"version": "0.43.0"})  # another body is asked for as early as the first
    await house.clock.advance(1.0)
    assert await house.run() == RequeueAfter(0.5, "retry after a failed request")
    assert house.actor.describe()["tries"] == overloaded.sent == 1
    await house.clock.advance(0.5)
    assert await house.run() == Done()
    assert overloaded.sent == 2
    await deleted(house)


async def deleted(house):
    await house.client.delete(house.ref, (await house.live())["metadata"]["uid"])
    await house.show()
    await house.run()


async def test_an_api_server_that_knows_no_roles_yet_is_asked_again_soon_and_not_told(
    transport, namespace
):
    starting: Any = Overloaded(transport, NO_ROLES, times=4)
    house, waits = House(starting, namespace), []
    await house.put()
    while isinstance(result := await house.run(), RequeueAfter):
        waits.append(result.seconds)
        await house.show()
        assert await reconciled(house) == ("Unknown", "Pending")
        await house.clock.advance(result.seconds / 2)
        await house.run()  # woken meanwhile
        await house.clock.advance(result.seconds / 2)
    assert (waits, starting.sent) == ([1.0, 2.0, 4.0, 8.0], 5)
    assert result == Done()
    assert (await reconciled(house))[0] == "True"
    assert "ResourceApplyError" not in house.told
    await deleted(house)


async def test_a_right_that_is_missing_for_long_is_told_and_tried_again_after_a_minute(
    transport, namespace
):
    starting: Any = Overloaded(transport, NO_ROLES, times=5)
    house = House(starting, namespace)
    await house.put()
    for seconds in (1.0, 2.0, 4.0, 8.0):
        assert (await house.run()).seconds == seconds
        await house.show()
        await house.clock.advance(seconds)
    assert await house.run() == RequeueAfter(60.0, "the next try of a held child")
    assert await reconciled(house) == ("False", "ApplyPatchErrorOnCreate")
    assert house.told.count("ResourceApplyError") == 1
    await house.show()
    await house.run()
    assert starting.sent == 5
    await house.clock.advance(60)
    assert await house.run() == Done()
    assert (await reconciled(house))[0] == "True"
    await deleted(house)


async def test_the_last_crash_of_a_parked_actor_is_named_in_the_status(house):
    await house.run()
    await house.show()
    await house.actor.tell_parked(KeyError("x"))
    assert await reconciled(house) == ("False", "ActorParked")


def too_deep(raw):
    """Decodes only the empty document."""
    if raw != b"{}":
        raise RecursionError("too deep")
    return WorkloadStatus()


@pytest.mark.parametrize(("broken", "kept"), [("the spec", True), ("the whole object", False)])
async def test_a_parked_actor_says_so_also_if_it_is_the_decoding_that_crashes(
    house, monkeypatch, broken, kept
):
    await house.run()
    await house.show()
    monkeypatch.setattr(house.actor, "_instance_kind", replace(FALCO, decode=too_deep))
    if broken == "the whole object":
        monkeypatch.setattr(module, "status_of", too_deep)
    with pytest.raises(RecursionError):
        await house.run()
    await house.actor.tell_parked(RecursionError("too deep"))
    assert await reconciled(house) == ("False", "ActorParked")
    types = [condition["type"] for condition in (await house.live())["status"]["conditions"]]
    assert ("Available" in types) is kept


async def test_the_dump_shows_the_incarnation_and_what_is_held(house):
    assert "uid" not in house.actor.describe()
    await house.run()
    described = house.actor.describe()
    assert described["object"] == str(house.ref)
    assert (described["tries"], described["held"]) == (0, {})
