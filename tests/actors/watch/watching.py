"""A watcher at work, and what it tells."""

import asyncio
import random
from collections import Counter
from contextlib import asynccontextmanager
from http import HTTPStatus

from actors.api.client import Client
from actors.runtime.clock import SystemClock
from actors.runtime.context import Runtime
from actors.watch.source import Source
from actors.watch.store import Store
from actors.watch.watcher import Watcher
from resources.kubernetes.kinds import collection_path
from resources.kubernetes.reference import ObjectRef


class HastyClock(SystemClock):
    """Real time, but nobody sleeps for long: what is waited for comes from outside."""

    async def sleep(self, seconds):
        await asyncio.sleep(min(seconds, 0.1))


class GatedClock(SystemClock):
    """Real time, but whoever sleeps does so until the gate is open."""

    def __init__(self):
        self.gate = asyncio.Event()
        self.gate.set()

    async def sleep(self, seconds):  # noqa: ARG002 - not this long
        await asyncio.sleep(0)
        await self.gate.wait()


def runtime(clock=None):
    return Runtime(clock or HastyClock(), random.Random(1))


class Requests(Counter):
    """An observer that counts requests by verb, resource and code."""

    def api_request(self, verb, resource, code):
        self[verb, resource, code] += 1


class Listener:
    """Audience and observer of a watcher: writes down what it is told."""

    def __init__(self):
        self.changes = []
        self.lists = 0
        self.opened = 0
        self.heard = 0
        self.missing = []

    def listed(self, kind):  # noqa: ARG002
        self.lists += 1

    def absent(self, kind):
        self.missing.append(kind)

    def changed(self, change):
        self.changes.append(change)

    def watch_opened(self, kind):  # noqa: ARG002
        self.opened += 1

    def watch_heard(self, kind):  # noqa: ARG002
        self.heard += 1

    @property
    def told(self):
        """Each change as a word and the object's name."""
        return [(_word(change), change.ref.name) for change in self.changes]


def _word(change):
    if change.after is None:
        return "gone"
    return "new" if change.before is None else "changed"


@asynccontextmanager
async def watching(transport, source, *, store=None, state=None, clock=None, client=None):
    """A watcher from its start until the end of the context, where it must end in good order."""
    listener = Listener()
    clients = (client or Client(transport), transport)
    watcher = Watcher(
        runtime(clock), source, clients, Store() if store is None else store, listener, listener
    )
    watcher.state = state or watcher.state
    ref = watcher.launch()
    exits = []
    ref.link(lambda _, end: exits.append(end))
    try:
        yield watcher, listener
        assert exits == [], "the watcher ended by itself"
    finally:
        await ref.stop()
    assert [end.error for end in exits] == [None]


def config_map(name, labels=None, **data):
    return {"metadata": {"name": name, "labels": labels or {}}, "data": data}


class ConfigMaps:
    """The ConfigMaps of one namespace, changed as administrator by blocking requests."""

    def __init__(self, control_plane, namespace):
        self._client = control_plane.client
        self._namespace = namespace
        self._path = collection_path("ConfigMap", namespace)

    def source(self, **options):
        return Source("ConfigMap", namespace=self._namespace, **options)

    def ref(self, name):
        return ObjectRef("ConfigMap", self._namespace, name)

    def create(self, name, labels=None, **data):
        return self._client.call("POST", self._path, config_map(name, labels, **data))

    def replace(self, name, labels=None, **data):
        return self._client.call("PUT", f"{self._path}/{name}", config_map(name, labels, **data))

    def delete(self, name):
        self._client.call("DELETE", f"{self._path}/{name}")

    def exists(self, name):
        return self._client.request("GET", f"{self._path}/{name}").status == HTTPStatus.OK
