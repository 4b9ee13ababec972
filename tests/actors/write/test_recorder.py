"""Events, as kubectl shows them."""

import asyncio
import json
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from actors.api.client import Client
from actors.api.errors import NamespaceTerminating, NotFound, Refused, Unavailable
from actors.runtime.clock import SystemClock
from actors.write import recorder as module
from actors.write.recorder import Backlog, EventRecorder, Record
from resources.kubernetes.event import EventDraft
from resources.kubernetes.reference import ObjectRef, Owner
from tests.actor_examples import BugError, fake_runtime
from tests.actors.watch.watching import runtime
from tests.eventually import eventually, soon
from tests.fake_clock import settle


def record(namespace, reason="ResourceCreated", name="falco", uid="uid-of-falco"):
    draft = EventDraft(reason, "Normal", "Create", f"Created DaemonSet {name}")
    return Record(Owner(ObjectRef("Falco", namespace, name), uid), draft)


def events(control_plane, namespace):
    found = control_plane.kubectl("get", "events", "-n", namespace, "-o", "json")
    return json.loads(found.stdout)["items"]


def reasons(control_plane, namespace):
    return [event["reason"] for event in events(control_plane, namespace)]


def counts(control_plane, namespace):
    """How often each event happened."""
    found = events(control_plane, namespace)
    return sorted((event["reason"], event.get("series", {}).get("count", 1)) for event in found)


@asynccontextmanager
async def recording(client, world=None):
    """The backlog of a recorder that must end in good order at the end of the context."""
    backlog = Backlog(world or runtime())
    ref = EventRecorder.start(backlog._runtime, client, "instance", backlog)
    exits = []
    ref.link(lambda _, end: exits.append(end))
    try:
        yield backlog
        assert exits == [], "the recorder ended by itself"
    finally:
        await ref.stop()


async def test_an_event_says_what_happened_to_what(control_plane, client, namespace):
    before = datetime.now(UTC)
    async with recording(client) as backlog:
        backlog.add(record(namespace))
        [event] = await soon(lambda: events(control_plane, namespace))
    assert event["reason"] == "ResourceCreated"
    assert event["message"] == "Created DaemonSet falco"
    assert event["type"] == "Normal"
    assert event["action"] == "Create"
    assert event["reportingComponent"] == "falcosecurity.dev/falco-operator"
    assert event["reportingInstance"] == "instance"
    assert before <= datetime.fromisoformat(event["eventTime"]) <= datetime.now(UTC)
    assert event["involvedObject"] == {
        "apiVersion": "instance.falcosecurity.dev/v1alpha1",
        "kind": "Falco",
        "namespace": namespace,
        "name": "falco",
        "uid": "uid-of-falco",
    }


def names_of_involved(control_plane, namespace):
    return [event["involvedObject"]["name"] for event in events(control_plane, namespace)]


async def test_an_event_about_a_cluster_scoped_object_is_in_the_default_namespace(
    control_plane, client
):
    name = f"role-{uuid4().hex[:8]}"
    about = Record(Owner(ObjectRef("ClusterRole", "", name), "uid"), record("").draft)
    async with recording(client) as backlog:
        backlog.add(about)
        await soon(
            lambda: name in [e["involvedObject"]["name"] for e in events(control_plane, "default")]
        )


async def test_equal_events_become_one_series_and_others_do_not(control_plane, client, namespace):
    async with recording(client) as backlog:
        for reason in ("Again", "Again", "Once", "Again"):
            backlog.add(record(namespace, reason))
        backlog.add(record(namespace, "Again", uid="uid-of-another"))
        await soon(
            lambda: counts(control_plane, namespace) == [("Again", 1), ("Again", 3), ("Once", 1)]
        )


async def test_an_event_that_was_deleted_meanwhile_is_made_anew(control_plane, client, namespace):
    async with recording(client) as backlog:
        backlog.add(record(namespace))
        await soon(lambda: events(control_plane, namespace))
        control_plane.kubectl("delete", "events", "--all", "-n", namespace)
        backlog.add(record(namespace))
        [event] = await soon(lambda: events(control_plane, namespace))
        assert "series" not in event


class Hurried(SystemClock):
    """A clock a hundred times as fast: a right counts as missing after seconds without it."""

    monotonic = staticmethod(lambda: 100 * time.monotonic())


async def test_an_event_without_the_right_to_it_is_dropped_and_the_next_one_is_made(
    control_plane, connect, namespace, tmp_path, caplog
):
    run = control_plane.kubectl
    run("create", "serviceaccount", "somebody", "-n", namespace)
    rights = ("--verb=create,patch", "--resource=events.events.k8s.io")
    run("create", "role", "events", *rights, "-n", namespace)
    user = f"{namespace}:somebody"
    run(
        "create",
        "rolebinding",
        "events",
        "--role=events",
        f"--serviceaccount={user}",
        "-n",
        namespace,
    )
    question = ("auth", "can-i", "create", "events.events.k8s.io", "-n", namespace)
    as_user = f"--as=system:serviceaccount:{user}"
    eventually(lambda: run(*question, as_user, check=False).stdout.strip() == "yes")
    path = control_plane.service_account_kubeconfig(namespace, "somebody", tmp_path / "config")
    async with recording(Client(await connect(path), Hurried())) as backlog:
        backlog.add(record("default", "Refused"))
        backlog.add(record(namespace, "Taken"))
        await soon(lambda: reasons(control_plane, namespace) == ["Taken"])
        await soon(lambda: "event Refused dropped: Forbidden" in caplog.text)


async def test_an_event_in_a_namespace_that_goes_or_is_gone_is_left_out_without_a_warning(
    mortal, connect, caplog
):
    names = [f"events-{uuid4().hex[:8]}" for _ in range(2)]
    for name in names:
        mortal.kubectl("create", "namespace", name)
    going, staying = names
    mortal.kubectl("delete", "namespace", going, "--wait=false")  # for good: no controller runs
    caplog.set_level("DEBUG", module.__name__)
    async with recording(Client(await connect(mortal))) as backlog:
        backlog.add(record(going, "Late"))
        backlog.add(record("never-there", "TooLate"))
        backlog.add(record(staying, "InTime"))
        await soon(lambda: reasons(mortal, staying) == ["InTime"])
        await soon(lambda: "event Late not written" in caplog.text)
        await soon(lambda: "event TooLate not written" in caplog.text)
    assert "being terminated" in caplog.text
    assert {found.levelname for found in caplog.records} == {"DEBUG"}


async def test_an_event_of_an_outage_is_delivered_after_it_with_the_time_of_before(mortal, connect):
    mortal.kubectl("create", "namespace", name := f"events-{uuid4().hex[:8]}")
    async with recording(Client(await connect(mortal))) as backlog:
        backlog.add(record(name, "Before"))
        await soon(lambda: reasons(mortal, name) == ["Before"])
        await asyncio.to_thread(mortal.stop_api_server)
        told = datetime.now(UTC)
        backlog.add(record(name, "During"))
        backlog.add(record(name, "Before"))
        await soon(lambda: len(backlog) == 1)
        between = datetime.now(UTC)
        await asyncio.to_thread(mortal.start_api_server)
        found = await soon(lambda: {e["reason"]: e for e in events(mortal, name)}.get("During"))
        assert told <= datetime.fromisoformat(found["eventTime"]) <= between
        await soon(lambda: counts(mortal, name) == [("Before", 2), ("During", 1)])


# What a real API server is not easily brought to do.


class Answers:
    """A client that answers each request with the next of these: an error is raised."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.created = []
        self.patched = []

    async def create_event(self, namespace, body):  # noqa: ARG002
        self.created.append(body)
        self._answer()

    async def patch_event(self, ref, body):
        self.patched.append((ref, body))
        self._answer()

    def _answer(self):
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer


LOST = Unavailable(0, "ServerDisconnectedError", "the answer was lost")


class Forgetful(Client):
    """Loses the first answer to a create."""

    lost = False

    async def create_event(self, namespace, body):
        await super().create_event(namespace, body)
        if not self.lost:
            self.lost = True
            raise LOST


async def test_a_create_whose_answer_was_lost_makes_no_second_event(
    control_plane, transport, namespace
):
    async with recording(Forgetful(transport)) as backlog:
        backlog.add(record(namespace))
        backlog.add(record(namespace))
        await soon(lambda: counts(control_plane, namespace) == [("ResourceCreated", 2)])


async def test_a_repeat_after_six_minutes_is_an_event_of_its_own():
    world, clock, _ = fake_runtime()
    client = Answers()
    async with recording(client, world) as backlog:
        for _ in range(3):
            backlog.add(record("any"))
            await clock.advance(module._SERIES - 1)
        assert (len(client.created), len(client.patched)) == (1, 2)
        await clock.advance(1)
        backlog.add(record("any"))
        await settle()
        assert (len(client.created), len(client.patched)) == (2, 2)


async def test_an_unreachable_api_server_is_tried_for_a_while_and_then_the_next_event(caplog):
    world, clock, _ = fake_runtime()
    client = Answers(*[LOST] * module._TRIES)
    async with recording(client, world) as backlog:
        backlog.add(record("any", "Lost"))
        backlog.add(record("any", "Next"))
        await clock.advance(60.0)
        assert len(client.created) > 3
        assert {body["reason"] for body in client.created} == {"Lost"}
        assert len({body["metadata"]["name"] for body in client.created}) == 1
        await clock.advance(300.0)
        assert client.created[-1]["reason"] == "Next"
        assert len(client.created) == module._TRIES + 1
    assert "event Lost dropped: the API server cannot be reached" in caplog.text


async def test_retry_after_is_honoured():
    world, clock, _ = fake_runtime()
    client = Answers(Unavailable(429, "TooManyRequests", "", retry_after=100.0))
    async with recording(client, world) as backlog:
        backlog.add(record("any"))
        await clock.advance(99.0)
        assert len(client.created) == 1
        await clock.advance(1.0)
        assert len(client.created) == 2


async def test_what_waits_and_what_is_remembered_is_bounded(monkeypatch, caplog):
    monkeypatch.setattr(module, "_WAITING", 2)
    monkeypatch.setattr(module, "_REMEMBERED", 1)
    world, clock, _ = fake_runtime()
    client = Answers(LOST)
    async with recording(client, world) as backlog:
        backlog.add(record("any", "First"))
        await settle()
        for reason in ("Second", "Third", "Fourth"):
            backlog.add(record("any", reason))
        await clock.advance(10.0)
        assert [body["reason"] for body in client.created[1:]] == ["First", "Second", "Third"]
        assert "event Fourth dropped: too many wait" in caplog.text
        backlog.add(record("any", "First"))
        await settle()
        assert client.patched == []


async def test_a_recorder_that_is_stopped_does_not_wait_for_the_api_server():
    world, _, _ = fake_runtime()
    ref = EventRecorder.start(world, Answers(LOST), "instance", backlog := Backlog(world))
    backlog.add(record("any"))
    await settle()
    assert await ref.stop() is True


class Slow:
    """A client whose requests end when they are let; what it was asked for is in order."""

    def __init__(self):
        self.asked = []
        self.under_way = []
        self.failing = False

    async def create_event(self, namespace, body):  # noqa: ARG002
        self.asked.append((body["regarding"]["name"], body["reason"]))
        self.under_way.append(asyncio.Event())
        await self.under_way[-1].wait()
        if self.failing:
            raise BugError("bug")

    async def finish(self):
        """Let all that is under way end; how much that was."""
        ended, self.under_way = self.under_way, []
        for event in ended:
            event.set()
        await settle()
        return len(ended)


async def test_events_of_many_resources_are_written_some_at_a_time_and_in_order_for_each():
    world, _, _ = fake_runtime()
    client = Slow()
    names = [f"falco-{number}" for number in range(100)]
    async with recording(client, world) as backlog:
        for reason in ("First", "Second", "Third"):
            for name in names:
                backlog.add(record("any", reason, name))
        await settle()
        at_once = []
        while client.under_way:
            at_once.append(await client.finish())
    assert 1 < max(at_once) <= module.WRITERS
    assert len(client.asked) == 3 * len(names)
    for name in names:
        asked = [reason for of, reason in client.asked if of == name]
        assert asked == ["First", "Second", "Third"]


@pytest.mark.parametrize(
    "answer",
    [
        NamespaceTerminating(403, "Forbidden", "is being terminated"),
        NotFound(404, "NotFound", 'namespaces "any" not found'),
    ],
)
async def test_after_a_refusal_for_a_namespace_that_goes_its_resource_is_told_of_no_more(answer):
    world, _, _ = fake_runtime()
    client = Answers(answer)
    async with recording(client, world) as backlog:
        for reason in ("Late", "Later", "Latest"):
            backlog.add(record("any", reason))
        await settle()
        backlog.add(record("any", "Recreated", uid="uid-of-another"))
        await settle()
    assert [body["reason"] for body in client.created] == ["Late", "Recreated"]


async def test_a_refused_event_is_tried_once():
    world, clock, _ = fake_runtime()
    client = Answers(Refused(422, "Invalid", "note"))
    async with recording(client, world) as backlog:
        backlog.add(record("any"))
        await clock.advance(60.0)
        assert len(client.created) == 1


@pytest.mark.parametrize("name", ["a" * 253, "a" * 229 + "-b", "a" * 229 + ".b", "short"])
async def test_the_name_of_an_event_is_a_dns_name(name):
    world, _, _ = fake_runtime()
    client = Answers()
    async with recording(client, world) as backlog:
        backlog.add(record("any", name=name))
        await settle()
    [body] = client.created
    stem, _, number = body["metadata"]["name"].rpartition(".")
    assert name.startswith(stem)
    assert stem[-1].isalnum()
    assert len(number) == 16
    assert len(body["metadata"]["name"]) <= 253


@pytest.mark.parametrize("crash", [True, False])
async def test_events_that_wait_while_the_recorder_ends_are_written_by_the_next(crash, caplog):
    world, _, _ = fake_runtime()
    backlog, slow = Backlog(world), Slow()
    ref = EventRecorder.start(world, slow, "instance", backlog)
    for number in range(100):
        backlog.add(record("any", "Before", f"falco-{number}"))
    await settle()
    begun = {name for name, _ in slow.asked}
    if crash:
        slow.failing = True
        slow.under_way.pop().set()
        await settle()
    else:
        await ref.stop()
    assert not ref.is_alive()
    backlog.add(record("any", "Between", "falco-100"))
    answers = Answers()
    ref = EventRecorder.start(world, answers, "instance", backlog)
    await settle()
    names = [body["regarding"]["name"] for body in answers.created]
    lost = {f"falco-{number}" for number in range(101)} - set(names)
    assert len(names) == len(set(names)) == 101 - crash
    assert lost <= begun
    assert ("the recorder crashed at it: BugError" in caplog.text) is crash
    await ref.stop()
