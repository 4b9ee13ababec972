"""What an artifact learns of the objects that it names, and what it costs."""

import asyncio
import hashlib
import json
from base64 import b64encode
from typing import Any, cast

import pytest

from actors.api.errors import NotFound, Unavailable
from actors.artifact.reference_reader import ReferenceReader
from actors.artifact.reference_versions import ReferenceVersions
from actors.reference.index import ReferenceIndex
from actors.reference.store import ReferenceStore
from actors.registry.table_file import TableFile
from actors.watch.store import snapshot_of
from resources.artifact.references import (
    FINALIZERS,
    Missing,
    Present,
    ReferencedObject,
    Role,
    Unknown,
    Unresolved,
)
from resources.artifact.sources import OciSource
from resources.kubernetes.reference import ObjectRef
from resources.registry.credentials import RegistryPolicy
from resources.registry.request import Credentials
from resources.registry.table_reader import read_table
from tests.actors.artifacts import artifact_ref, told
from tests.fake_clock import FakeClock, settle

RULES = ReferencedObject(Role.CONTENT, ObjectRef("ConfigMap", "ns", "rules"), "rules.yaml")
TOKEN = ReferencedObject(Role.SECRET, ObjectRef("Secret", "ns", "token"))
OCI = OciSource("ghcr.io", "falco/rules", "latest", secret="token")
GONE = Missing("ConfigMap rules does not exist")
NO_KEY = Missing("ConfigMap rules has no key rules.yaml; it has: other")


class Api:
    """Objects by name, each read counted; a gate holds up the answers."""

    def __init__(self):
        self.objects = {}
        self.reads = []
        self.gate: asyncio.Event | None = None
        self.error: Exception | None = None

    async def get(self, ref):
        self.reads.append(ref.name)
        found = self.objects.get(ref)
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        if found is None:
            raise NotFound(404, "NotFound", "")
        return found


class House:
    """One artifact that names a ConfigMap and a Secret, and the watches of both."""

    def __init__(self):
        self.api = cast("Any", Api())  # in the place of a Client
        self.clock = FakeClock()
        index = ReferenceIndex()
        index.note(told(artifact_ref("rules"), RULES.ref, TOKEN.ref))
        self.store = ReferenceStore(index)
        self.reader = ReferenceReader(self.api, RegistryPolicy(), TableFile("", read_table))
        self.versions = self.another()
        self.revision = 10

    def another(self):
        return ReferenceVersions(self.reader, self.store, self.clock)

    def put(self, ref=RULES.ref, protected=True, seen=True, **data):
        """The object is so now, and the watch has shown it."""
        self.revision += 1
        meta = {"name": ref.name, "namespace": ref.namespace, "uid": "u"}
        meta |= {"resourceVersion": str(self.revision)}
        meta |= {"finalizers": [FINALIZERS[ref.kind]]} if protected else {}
        raw = json.dumps({"metadata": meta, "data": data}).encode()
        self.api.objects[ref] = raw
        if seen:
            self.store.put(snapshot_of(ref.kind, raw))
        return str(self.revision)

    async def look(self, target=RULES, published=None):
        return await self.versions.state_of(target, OCI, published)


RULE = {"rules.yaml": "- rule: x"}
OTHER = {"rules.yaml": "- rule: y"}


def present(version, data=RULE):
    """The ConfigMap as it is published: by its content."""
    digest = hashlib.sha256(data["rules.yaml"].encode()).hexdigest()
    return Present(version, f"sha256:{digest}")


@pytest.fixture
def house():
    return House()


async def test_an_object_that_is_there_is_read_once_and_has_its_version(house):
    version = house.put(**RULE)
    for _ in range(3):
        assert await house.look() == present(version)
    assert house.api.reads == ["rules"]


async def test_nothing_is_said_of_an_object_that_nobody_has_looked_for_yet(house):
    assert await house.look() == Unknown()
    house.store.confirm_absent(RULES.ref)
    assert await house.look() == GONE
    house.store.review({RULES.ref})
    assert await house.look() == Unknown()
    assert house.api.reads == []


async def test_an_object_that_no_watch_ever_shows_is_read_by_name_after_a_while(house):
    house.store.advance("ConfigMap", 10)
    version = house.put(seen=False, **RULE)
    assert await house.look() == Unknown()
    assert house.versions.next_read() == 5.0
    await house.clock.advance(5.0)
    for _ in range(2):
        assert await house.look() == present(version)
    assert len(house.api.reads) == 1
    house.put(**OTHER)
    assert (await house.look()).version > version
    house.store.remove(RULES.ref, 99)
    house.store.confirm_absent(RULES.ref)
    assert await house.look() == GONE


async def test_an_object_that_is_found_by_nobody_is_missing_after_a_while_and_until_it_comes(house):
    house.store.advance("ConfigMap", 10)
    assert await house.look() == Unknown()
    await house.clock.advance(5.0)
    for _ in range(2):
        assert await house.look() == GONE
    assert len(house.api.reads) == 1
    version = house.put(**RULE)
    assert await house.look() == present(version)


async def test_a_name_that_no_object_can_have_is_missing_without_a_look(house):
    target = RULES._replace(ref=RULES.ref._replace(name="../x"))
    assert "can have the name" in (await house.look(target)).text


async def test_other_content_is_another_version_and_other_metadata_is_not(house):
    first = house.put(**RULE)
    assert await house.look() == present(first)
    house.put(**RULE)
    assert await house.look() == present(first)
    house.put(**RULE, other="y")
    assert await house.look() == present(first)
    second = house.put(**OTHER)
    assert await house.look() == present(second, OTHER)
    assert len(house.api.reads) == 4


async def test_a_key_that_is_missing_is_named_and_found_later(house):
    house.put(other="x")
    assert await house.look() == NO_KEY
    assert await house.look() == NO_KEY
    assert len(house.api.reads) == 1
    version = house.put(**RULE)
    assert await house.look() == present(version)


async def test_what_nodes_go_by_already_is_not_read_again_after_a_restart(house):
    version = house.put(**RULE)
    for published in (present(version), Present(version)):
        house.versions = house.another()
        assert await house.look(published=published) == published
    assert house.api.reads == []


async def test_the_same_content_keeps_its_version_after_a_restart_and_from_then_on(house):
    published = present(house.put(**RULE))
    for reads in (1, 2):
        house.put(**RULE, other="y")
        assert await house.look(published=published) == published
        assert len(house.api.reads) == reads
    version = house.put(**OTHER)
    assert await house.look(published=published) == present(version, OTHER)


async def test_content_of_which_no_digest_was_published_has_its_new_version(house):
    published = Present(house.put(**RULE))
    version = house.put(**RULE)
    assert await house.look(published=published) == present(version)


async def test_a_published_version_of_a_later_time_is_read_all_the_same(house):
    version = house.put(**OTHER)
    restored = present("99")
    assert await house.look(published=restored) == present(version, OTHER)


async def test_a_secret_keeps_its_version_after_a_restart_and_its_hash_is_keyed(house):
    data = {"username": "bWU=", "password": "c2VjcmV0"}
    house.put(TOKEN.ref, **data)
    published = await house.look(TOKEN)
    assert published.digest.startswith("hmac-sha256:")
    house.versions = house.another()
    house.put(TOKEN.ref, **data)
    assert await house.look(TOKEN, published) == published
    house.put(TOKEN.ref, **{**data, "password": "b3RoZXI="})
    assert (await house.look(TOKEN, published)).digest != published.digest


async def test_an_object_is_read_once_our_finalizer_is_on_it(house):
    house.put(protected=False, **RULE)
    assert await house.look() == Unknown()
    assert house.versions.next_read() == 5.0
    version = house.put(**RULE)
    assert await house.look() == present(version)
    assert house.versions.next_read() is None
    assert len(house.api.reads) == 1


async def test_an_object_that_cannot_be_protected_is_read_all_the_same_after_a_while(house):
    version = house.put(protected=False, **RULE)
    assert await house.look() == Unknown()
    await house.clock.advance(5.0)
    assert await house.look() == present(version)
    assert await house.look() == present(version)
    assert house.versions.next_read() is None


async def test_who_takes_our_finalizer_away_changes_nothing(house):
    version = house.put(**RULE)
    assert await house.look() == present(version)
    house.put(protected=False, **RULE)
    assert await house.look() == present(version)
    assert len(house.api.reads) == 1


async def test_what_is_read_may_be_ahead_of_the_watch(house):
    house.put(**RULE)
    newer = house.put(seen=False, **RULE)
    assert await house.look() == present(newer)
    assert await house.look() == present(newer)
    assert len(house.api.reads) == 1


async def test_an_answer_to_an_older_question_is_asked_for_again(house):
    house.put(**RULE)
    house.api.gate = asyncio.Event()
    first = asyncio.create_task(house.reader.read(RULES.ref))
    await settle()
    version = house.put(**OTHER)
    second = asyncio.create_task(house.look())
    await settle()
    assert len(house.api.reads) == 1
    house.api.gate.set()
    assert await second == present(version, OTHER)
    assert (await first).version != version
    assert len(house.api.reads) == 2


async def test_an_object_that_has_just_gone_is_not_missing_before_the_watch_says_so(house):
    house.put(**RULE)
    del house.api.objects[RULES.ref]
    assert await house.look() == Unknown()


async def test_an_error_is_for_the_caller_and_leaves_no_trace(house):
    version = house.put(**RULE)
    house.api.error = Unavailable(503, "ServiceUnavailable", "")
    with pytest.raises(Unavailable):
        await house.look()
    house.api.error = None
    assert await house.look() == present(version)


async def test_what_is_not_named_any_more_is_forgotten(house):
    house.put(**RULE)
    house.put(TOKEN.ref, protected=False)
    await house.look()
    await house.look(TOKEN)
    house.versions.keep([TOKEN])
    assert not house.versions._readings
    house.versions.keep([])
    assert house.versions.next_read() is None


async def test_no_content_is_kept(house):
    house.put(TOKEN.ref, username="bWU=", password="c2VjcmV0")
    await house.look(TOKEN)
    assert "c2VjcmV0" not in repr(house.versions._readings)
    assert not house.reader._reading


# Reading.


async def test_who_asks_at_the_same_time_shares_one_request(house):
    house.put(**RULE)
    house.api.gate = asyncio.Event()
    artifacts = [house.another() for _ in range(1000)]
    looks = [asyncio.create_task(versions.state_of(RULES, None, None)) for versions in artifacts]
    await settle()
    house.api.gate.set()
    assert len(set(await asyncio.gather(*looks))) == 1
    assert house.api.reads == ["rules"]


async def test_who_is_stopped_while_it_waits_does_not_take_the_answer_from_others(house):
    house.put(**RULE)
    house.api.gate = asyncio.Event()
    first, second = (asyncio.create_task(house.reader.read(RULES.ref)) for _ in range(2))
    await settle()
    first.cancel()
    await settle()
    house.api.gate.set()
    assert await second is not None
    assert first.cancelled()


async def test_an_endpoint_has_what_is_read_of_both_objects(house):
    def encoded(text):
        return b64encode(text.encode()).decode()

    house.put(TOKEN.ref, username=encoded("me"), password=encoded("secret"))
    house.put(**{"ca.crt": "PEM"})
    source = OCI._replace(ca_config_map="rules", plain_http=False, skip_verify=True)
    endpoint = await house.reader.endpoint("ns", source)
    assert (endpoint.registry, endpoint.repository) == ("ghcr.io", "falco/rules")
    assert (endpoint.ca, endpoint.credentials) == ("PEM", Credentials("me", "secret"))
    assert endpoint.skip_verify
    plain = await house.reader.endpoint("", OCI._replace(secret="", plain_http=True))
    assert (plain.credentials, plain.plain_http) == (None, True)
    with pytest.raises(Unresolved, match="Secret other does not exist"):
        await house.reader.endpoint("ns", OCI._replace(secret="other"))
