"""What a start finds of an earlier operator's protection, on a real API server."""

import asyncio
from collections import Counter

import pytest

from actors.api.client import METADATA, Client
from actors.api.errors import Gone, Refused
from actors.reference.protected_scan import ProtectedScan
from actors.watch import paging
from resources.artifact.references import FINALIZERS
from resources.kubernetes.kinds import collection_path
from resources.kubernetes.reference import ObjectRef
from tests.actor_examples import exits_of, fake_runtime
from tests.actors.watch.watching import runtime
from tests.eventually import soon

THEIRS = "tests.example.org/hold"


class Finds(Counter):
    """How often each scope of the test's namespace was told."""

    def __init__(self, namespace):
        super().__init__()
        self.namespace = namespace

    def __call__(self, scope):
        if scope.namespace == self.namespace:
            self[scope.kind] += 1


@pytest.fixture
def found(namespace):
    return Finds(namespace)


@pytest.fixture
def make(control_plane, namespace):
    """Makes objects with finalizers; in the end takes the finalizers off."""
    api, made = control_plane.client, []

    def create(kind, name, *finalizers):
        body = {"metadata": {"name": name, "finalizers": list(finalizers)}}
        api.call("POST", collection_path(kind, namespace), body)
        made.append(f"{collection_path(kind, namespace)}/{name}")

    yield create
    for path in made:
        headers = {"Content-Type": "application/merge-patch+json"}
        api.request("PATCH", path, {"metadata": {"finalizers": None}}, **headers)


async def scan(client, found):
    """A whole scan, which ends by itself and in good order."""
    ref = ProtectedScan.start(runtime(), client, found)
    exits = exits_of(ref)
    await soon(lambda: exits)
    assert exits[0].error is None


async def test_the_scope_of_what_carries_our_finalizer_is_found(client, found, make):
    for kind, ours in FINALIZERS.items():
        make(kind, "protected", THEIRS, ours)
    await scan(client, found)
    assert found == {"Secret": 1, "ConfigMap": 1}


async def test_the_finalizers_of_others_and_of_the_other_kind_find_nothing(client, found, make):
    for kind, other in (("Secret", "ConfigMap"), ("ConfigMap", "Secret")):
        make(kind, "foreign", THEIRS)
        make(kind, "crossed", FINALIZERS[other])
    await scan(client, found)
    assert not found


async def test_every_page_is_read_and_a_page_tells_of_a_scope_once(
    client, found, make, requests, monkeypatch
):
    for number in range(6):
        make("Secret", f"secret-{number}", FINALIZERS["Secret"])
    await scan(client, found)
    assert found == {"Secret": 1}
    at_once = requests["list", "secrets", "200"]
    monkeypatch.setitem(paging.SIZES, METADATA, 2)
    await scan(client, found)
    assert requests["list", "secrets", "200"] - at_once > at_once
    assert found["Secret"] >= 3


class Failing(Client):
    """Answers the first lists of a kind with an error."""

    def __init__(self, transport, kind, *errors):
        super().__init__(transport)
        self.kind = kind
        self.errors = list(errors)
        self.lists: Counter[str] = Counter()

    async def list_page(self, kind, *arguments):
        self.lists[kind] += 1
        if kind == self.kind and self.errors:
            raise self.errors.pop(0)
        return await super().list_page(kind, *arguments)


async def test_what_fails_is_read_again_alone_and_from_its_beginning(transport, found, make):
    make("Secret", "protected", FINALIZERS["Secret"])
    client = Failing(transport, "Secret", Refused(403, "Forbidden", ""), Gone(410, "Expired", ""))
    await scan(client, found)
    assert found == {"Secret": 1}
    assert client.lists["Secret"] > client.lists["ConfigMap"]


async def test_a_kind_that_may_not_be_listed_does_not_hold_up_the_other(transport, found, make):
    make("ConfigMap", "protected", FINALIZERS["ConfigMap"])
    forbidden = [Refused(403, "Forbidden", "")] * 1000
    fake, clock, _ = fake_runtime()
    client = Failing(transport, "Secret", *forbidden)
    ref = ProtectedScan.start(fake, client, found)
    await soon(lambda: found["ConfigMap"])
    lists = client.lists["ConfigMap"]
    for _ in range(20):
        await clock.advance(60.0)
    assert client.lists["ConfigMap"] == lists
    assert 20 <= client.lists["Secret"] <= 60
    await ref.stop()


class Garbling(Client):
    """Answers the first list with what is no list."""

    garbled = True

    async def list_page(self, *arguments):
        if self.garbled:
            self.garbled = False
            return b'{"items": 3}'
        return await super().list_page(*arguments)


async def test_what_is_no_list_is_asked_for_again(transport, found, make):
    make("Secret", "protected", FINALIZERS["Secret"])
    await scan(Garbling(transport), found)
    assert found == {"Secret": 1}


async def test_it_may_be_stopped_at_any_time(transport, found):
    class Hanging(Client):
        async def list_page(self, *_arguments):
            await asyncio.Event().wait()

    ref = ProtectedScan.start(runtime(), Hanging(transport), found)
    exits = exits_of(ref)
    await ref.stop()
    assert exits[0].error is None


async def test_only_metadata_is_read(transport, found, make):
    seen = []

    class Noting(Client):
        async def list_page(self, *arguments):
            page = await super().list_page(*arguments)
            seen.append(page)
            return page

    make("Secret", "protected", FINALIZERS["Secret"])
    await scan(Noting(transport), found)
    assert seen
    assert all(b'"PartialObjectMetadataList"' in page for page in seen)
    assert not any(b'"data"' in page for page in seen)
    assert ObjectRef("Secret", found.namespace, "") not in found
