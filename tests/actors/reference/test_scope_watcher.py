"""Watching the metadata of one kind in one namespace, on a real API server."""

import asyncio
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

import pytest

from actors.api.client import METADATA, Client
from actors.api.transport import ANY_NUMBER, Transport
from actors.reference.index import ReferenceIndex, scope_of
from actors.reference.scope_watcher import ScopeWatcher
from actors.reference.scopes import Scopes
from actors.runtime.mail import Reconcile
from actors.watch.router import Notice
from resources.kubernetes.kinds import collection_path
from resources.kubernetes.reference import ObjectRef
from tests.actor_examples import exits_of
from tests.actors.artifacts import artifact_ref, gone, told
from tests.actors.watch.watching import ConfigMaps, Listener, runtime
from tests.eventually import soon

# Of aiohttp's pools, and so of kubernetes-asyncio's.
DEFAULT_CONNECTIONS = 100


class Scope(Listener):
    """The ConfigMaps of a namespace, of which an artifact names one; hears what is told of them."""

    def __init__(self, namespace):
        super().__init__()
        self.artifact = artifact_ref("rules", namespace=namespace)
        self.named = ObjectRef("ConfigMap", namespace, "named")
        self.ref = scope_of(self.named)
        self.index = ReferenceIndex()
        self.index.note(told(self.artifact, self.named))
        self.scopes = Scopes(self.index)
        self.listed_scopes = []
        self.notices = []

    def scope_listed(self, scope):
        self.listed_scopes.append(scope)
        return Notice((), scope.kind)

    def object_changed(self, change):
        self.changes.append(change)
        return Notice((), change.ref.kind)

    @asynccontextmanager
    async def watched(self, client, transport):
        clients = (client, transport)
        ref = ScopeWatcher.start(
            runtime(), self.ref, clients, self.scopes, self, self.notices.append, self
        )
        exits = exits_of(ref)
        try:
            yield ref, exits
        finally:
            await ref.stop()
        assert [end.error for end in exits] == [None]


@pytest.fixture
def scope(namespace):
    return Scope(namespace)


@pytest.fixture
def config_maps(control_plane, namespace):
    """The ConfigMaps of the test's namespace."""
    return ConfigMaps(control_plane, namespace)


async def test_what_is_named_is_told_and_all_else_only_passes(
    scope, config_maps, client, transport
):
    async with scope.watched(client, transport):
        await soon(lambda: scope.opened)
        assert scope.listed_scopes == [scope.ref]
        config_maps.create("foreign", key="value")
        config_maps.create("named", key="value")
        await soon(lambda: scope.scopes.get(scope.named))
        assert [change.ref for change in scope.changes if change.after] == [scope.named]
        assert scope.scopes.get(scope.named).raw == b""


async def test_only_metadata_comes(scope, config_maps, client, transport):
    chunks = []

    class Noting(Transport):
        async def stream(self, *arguments):
            async with aclosing(transport.stream(*arguments)) as stream:
                async for chunk in stream:
                    chunks.append(chunk)
                    yield chunk

    async with scope.watched(client, Noting.__new__(Noting)):
        await soon(lambda: scope.opened)
        config_maps.create("named", key="never-to-be-seen")
        await soon(lambda: scope.scopes.get(scope.named))
        assert b"PartialObjectMetadata" in b"".join(chunks)
        assert b"never-to-be-seen" not in b"".join(chunks)


async def test_it_ends_itself_once_nothing_is_needed(scope, client, transport):
    async with scope.watched(client, transport) as (ref, exits):
        await soon(lambda: scope.opened)
        ref.tell(Reconcile("test"))
        await ref.ask(Reconcile("asked"))
        assert exits == []
        scope.index.note(gone(scope.artifact))
        ref.tell(Reconcile("references"))
        await soon(lambda: exits)
        assert scope.scopes.seen(scope.ref) == 0


async def test_it_does_not_end_before_it_knows_what_is_protected(scope, transport):
    gate = asyncio.Event()

    class Slow(Client):
        async def list_page(self, *arguments):
            await gate.wait()
            return await super().list_page(*arguments)

    scope.index.note(gone(scope.artifact))
    async with scope.watched(Slow(transport), transport) as (ref, exits):
        await ref.ask(Reconcile("protected"))
        assert exits == []
        gate.set()
        await soon(lambda: exits)
        assert scope.listed_scopes == [scope.ref]


async def test_more_scopes_are_watched_at_once_than_a_pool_has_connections_by_default(
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
            assert await asyncio.wait_for(anext(watch), 30) == b""
    assert requests["watch", "configmaps", "200"] == DEFAULT_CONNECTIONS + 10
