"""Watching the metadata of all objects of a kind, on a real API server."""

import asyncio
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

import pytest

from actors.api.client import METADATA
from actors.api.transport import ANY_NUMBER, Transport
from actors.reference.index import ReferenceIndex
from actors.reference.routes import ReferenceRoutes
from actors.reference.store import ReferenceStore
from actors.reference.watcher import ReferenceWatcher
from resources.artifact.references import FINALIZERS
from resources.kubernetes.kinds import collection_path
from resources.kubernetes.reference import ObjectRef
from tests.actor_examples import exits_of
from tests.actors.artifacts import artifact_ref, told
from tests.actors.watch.watching import ConfigMaps, Listener, runtime
from tests.eventually import soon

# Of aiohttp's pools, and so of kubernetes-asyncio's.
DEFAULT_CONNECTIONS = 100


class Watched(Listener):
    """All ConfigMaps, of which an artifact names one; hears what is told of them."""

    def __init__(self, namespace):
        super().__init__()
        self.artifact = artifact_ref("rules", namespace=namespace)
        self.named = ObjectRef("ConfigMap", namespace, "named")
        self.index = ReferenceIndex()
        self.store = ReferenceStore(self.index)
        self.indexed = asyncio.Event()
        self.notices = []

    @property
    def woken(self):
        """Of this namespace: those of other tests may have protected objects, too."""
        return {ref for notice in self.notices for ref in notice.refs if self._is_ours(ref)}

    @property
    def kept(self):
        """What the store has of this namespace."""
        return [ref for ref in self.store.refs() if self._is_ours(ref)]

    def all_are_indexed(self):
        self.index.note(told(self.artifact, self.named))
        self.indexed.set()

    def _is_ours(self, ref):
        return ref.namespace == self.named.namespace

    @asynccontextmanager
    async def by_watcher(self, client, transport):
        routes = ReferenceRoutes(self.index, self.store, lambda _: None)
        ref = ReferenceWatcher.start(
            runtime(),
            "ConfigMap",
            (client, transport),
            routes,
            self.notices.append,
            self,
            self.indexed,
        )
        exits = exits_of(ref)
        try:
            yield
        finally:
            await ref.stop()
        assert [end.error for end in exits] == [None]


@pytest.fixture
def watched(namespace):
    return Watched(namespace)


@pytest.fixture
def config_maps(control_plane, namespace):
    """The ConfigMaps of the test's namespace."""
    return ConfigMaps(control_plane, namespace)


async def test_what_is_named_is_kept_and_all_else_only_passes(
    watched, config_maps, client, transport
):
    config_maps.create("before", key="value")
    watched.all_are_indexed()
    async with watched.by_watcher(client, transport):
        await soon(lambda: watched.opened)
        assert watched.woken == {watched.named}  # which the list did not show
        config_maps.create("foreign", key="value")
        config_maps.create("named", key="value")
        await soon(lambda: watched.store.get(watched.named))
        assert watched.kept == [watched.named]
        assert watched.store.get(watched.named).raw == b""
        assert watched.woken == {watched.named, watched.artifact}


async def test_what_is_protected_later_wakes_its_actor_in_any_namespace(
    watched, config_maps, client, transport
):
    watched.indexed.set()
    late = ObjectRef("ConfigMap", watched.named.namespace, "late")
    async with watched.by_watcher(client, transport):
        await soon(lambda: watched.opened)
        created = config_maps.create("late", key="value")
        created["metadata"]["finalizers"] = [FINALIZERS["ConfigMap"]]
        config_maps._client.call("PUT", f"{config_maps._path}/late", created)
        await soon(lambda: late in watched.woken)
        created["metadata"].pop("resourceVersion")
        created["metadata"]["finalizers"] = []
        config_maps._client.call("PUT", f"{config_maps._path}/late", created)
        await soon(lambda: watched.store.get(late) is None)


async def test_nothing_is_listed_before_it_is_known_what_is_named(
    watched, config_maps, client, transport, requests
):
    config_maps.create("named", key="value")
    async with watched.by_watcher(client, transport):
        await asyncio.sleep(0)
        assert not requests
        watched.all_are_indexed()
        await soon(lambda: watched.store.get(watched.named))
        assert requests["get", "configmaps", "200"] == 0


async def test_only_metadata_comes(watched, config_maps, client, transport):
    chunks = []

    class Noting(Transport):
        async def stream(self, *arguments):
            async with aclosing(transport.stream(*arguments)) as stream:
                async for chunk in stream:
                    chunks.append(chunk)
                    yield chunk

    watched.all_are_indexed()
    async with watched.by_watcher(client, Noting.__new__(Noting)):
        await soon(lambda: watched.opened)
        config_maps.create("named", key="never-to-be-seen")
        await soon(lambda: watched.store.get(watched.named))
        assert b"PartialObjectMetadata" in b"".join(chunks)
        assert b"never-to-be-seen" not in b"".join(chunks)


async def test_more_streams_are_open_at_once_than_a_pool_has_connections_by_default(
    control_plane, namespace, connect, requests
):
    configuration = (await connect(control_plane))._configuration
    streams = Transport(configuration, requests, ANY_NUMBER)
    path = collection_path("ConfigMap", namespace)
    query = {"watch": "1", "resourceVersion": "0"}
    async with AsyncExitStack() as stack:
        stack.push_async_callback(streams.close)
        for _ in range(DEFAULT_CONNECTIONS + 10):
            watch = streams.stream(path, query, 60.0, METADATA.of_objects)
            watch = await stack.enter_async_context(aclosing(watch))
            assert await asyncio.wait_for(anext(watch), 60) == b""
    assert requests["watch", "configmaps", "200"] == DEFAULT_CONNECTIONS + 10
