"""Keeps the Store equal to the API server for one kind, and reports every change.

A state machine: each state is a value, and its `next` does one step and returns the next state.

    Listing ──all pages──→ Watching ──the server ends the stream──→ Watching
       │                      ├──cut off, silent, or ended at once──→ Waiting ──→ Watching
       └─error─┐              ├──refused, garbled──→ Waiting ──→ Listing
               └──→ Waiting   └──410──→ Listing

Guarantees: the Store never shows a part of a list; an object that was deleted while no watch was
open is reported as deleted; a change is reported at least once, in the order of revisions within
one stream. Sources: Kubernetes API
concepts, "Efficient detection of changes" and "Watch bookmarks".
"""

from __future__ import annotations

import logging
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from msgspec import DecodeError, Raw, Struct
from msgspec.json import Decoder

from actors.api.client import FULL, Representation
from actors.api.errors import (
    ApiError,
    Garbled,
    Gone,
    Status,
    Unavailable,
    decoded,
    error_from_status,
)
from actors.runtime.backoff import Backoff
from actors.runtime.task_actor import TaskActor
from actors.watch.lines import Lines
from actors.watch.paging import pages
from actors.watch.store import revision_of, snapshot_of
from resources.kubernetes.kinds import collection_path

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from actors.api.client import Client
    from actors.api.transport import Transport
    from actors.runtime.context import Runtime
    from actors.watch.store import Change, Snapshot, Store

_log = logging.getLogger(__name__)
# Seconds. Without it the API server ends a stream after 30 to 60 minutes.
SERVER_TIMEOUT = (300, 600)
# Seconds without a byte after which a stream counts as lost; bookmarks come about once a minute.
SILENCE = 150.0
# Seconds after which a stream counts as a success, however it ends: load balancers cut quiet
# streams. A shorter stream counts as a failure, so that the watcher backs off.
_STEADY = 1.0
# Failures in a row from which on they are logged as warnings.
_FAILURES_TO_WARN = 3
# Seconds, the first and the longest wait after failures in a row to which the API server answered.
_FIRST_WAIT, _LONGEST_WAIT = 0.2, 4.0
# An API server that is overloaded answers so, and a load balancer in front of none: not a sign that
# it serves, and no time for thousands of nodes to come back every few seconds.
_OVERLOADED = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Source:
    """The selection of a watch: one kind, in all namespaces or one, by label and field.

    `server_timeout`: the API server ends a stream after a random time within these seconds.
    `longest_wait`: seconds between two tries, at most, while no API server serves requests.
    """

    kind: str
    label_selector: str = ""
    namespace: str = ""
    representation: Representation = FULL
    silence: float = SILENCE
    server_timeout: tuple[int, int] = SERVER_TIMEOUT
    field_selector: str = ""
    longest_wait: float = 2.0


class Audience(Protocol):
    """Receives the changes that a watcher sees."""

    def listed(self, kind: str) -> None:
        """Take in that the Store holds a complete list of this kind."""
        ...

    def changed(self, change: Change) -> None:
        """Take in one change, already in the Store."""
        ...


class WatchObserver(Protocol):
    """Counts streams and events, for metrics."""

    def watch_opened(self, kind: str) -> None:
        """Count an opened stream."""
        ...

    def watch_heard(self, kind: str) -> None:
        """Record that an event or a bookmark arrived now."""
        ...


class _Event(Struct):
    type: str
    object: Raw


_event_decoder = Decoder(_Event)
_status_decoder = Decoder(Status)


class Watcher(TaskActor):
    """Runs the state machine for one Source until stopped; never ends by itself."""

    kind = "Watcher"

    def __init__(
        self,
        runtime: Runtime,
        source: Source,
        clients: tuple[Client, Transport],
        store: Store,
        audience: Audience,
        observer: WatchObserver,
    ) -> None:
        super().__init__(runtime)
        self.source = source
        self.client, self.streams = clients
        self.store = store
        self.audience = audience
        self.observer = observer
        self.failures = 0
        self.is_answered = True
        self.is_expired = False
        self.last_error = ""
        self.accepted_at: float | None = None
        self.state: WatcherState = Listing()

    async def run(self) -> None:
        """Run the state machine."""
        while True:
            self.state = await self.state.next(self)

    def describe(self) -> dict[str, object]:
        """Add state and revision, for the actor dump."""
        own = {
            "watches": self.source.kind,
            "in": repr(self.state),
            "revision": self.store.revision(self.source.kind),
            "failures": self.failures,
            "last error": self.last_error,
        }
        return {**super().describe(), **own}

    def hear(self, event: _Event) -> None:
        """Apply one watch event to the Store and report the change; raises an ERROR event."""
        if event.type == "ERROR":
            status = decoded(_status_decoder, event.object)
            raise error_from_status(status.code, status)
        snapshot = _snapshot(self.source.kind, event.object)
        self.observer.watch_heard(self.source.kind)
        self.is_expired = False
        self.is_steady()
        if event.type == "BOOKMARK":
            self.store.advance(self.source.kind, snapshot.revision)
        elif event.type == "DELETED":
            self.audience.changed(self.store.remove(snapshot.ref, snapshot.revision))
        else:
            self.audience.changed(self.store.put(snapshot))

    def is_steady(self) -> bool:
        """Whether the stream has been open long enough; if so, the count of failures restarts."""
        now, since = self.runtime.clock.monotonic(), self.accepted_at
        if since is None or now - since < _STEADY:
            return False
        self.failures = 0
        return True

    def after(self, error: ApiError, then: WatcherState) -> WatcherState:
        """The state that waits, longer with every failure in a row, before the state `then`.

        The first 410 means to list now; only one right after that list waits.
        """
        self.last_error = str(error)
        if isinstance(error, Gone) and not self.is_expired:
            self.is_expired = True
            self.answered()
            _log.info("%s, lists again: %s", self.source.kind, error)
            return Listing()
        if self.accepted_at is not None or (error.code and error.code not in _OVERLOADED):
            self.answered()
        else:
            self.is_answered = False
        longest = _LONGEST_WAIT if self.is_answered else self.source.longest_wait
        delay = Backoff(_FIRST_WAIT, longest).delay(self.failures, self.runtime.random)
        self.failures += 1
        seconds = max(delay, error.retry_after or 0.0)
        level = logging.WARNING if self.failures >= _FAILURES_TO_WARN else logging.INFO
        _log.log(level, "%s, again in %.1f s: %s", self.source.kind, seconds, error)
        return Waiting(seconds, then)

    def answered(self) -> None:
        """Take in that an API server answers; if none did before, count failures anew."""
        if not self.is_answered:
            self.is_answered, self.failures = True, 0


@dataclass(frozen=True, slots=True)
class Listing:
    """Reads all pages of a list; only a complete list reaches the Store."""

    async def next(self, watcher: Watcher) -> WatcherState:
        """List without a resourceVersion, hence a quorum read; store the list, report changes."""
        watcher.accepted_at = None
        try:
            snapshots, version = await self._all_pages(watcher)
        except ApiError as error:
            return watcher.after(error, self)
        watcher.answered()
        kind = watcher.source.kind
        for change in watcher.store.replace(kind, snapshots, revision_of(version)):
            watcher.audience.changed(change)
        watcher.audience.listed(kind)
        return Watching(version)

    async def _all_pages(self, watcher: Watcher) -> tuple[list[Snapshot], str]:
        source = watcher.source
        snapshots: list[Snapshot] = []
        version = "0"
        listing = pages(
            watcher.client,
            source.kind,
            source.namespace,
            source.label_selector,
            source.representation,
            source.field_selector,
        )
        async with aclosing(listing):
            async for page in listing:
                items = (_snapshot(source.kind, item) for item in page.items or ())
                snapshots += [snapshot for snapshot in items if watcher.store.keeps(snapshot)]
                version = page.version
        return snapshots, version


@dataclass(frozen=True, slots=True)
class Watching:
    """Follows the changes from one resourceVersion on."""

    version: str

    async def next(self, watcher: Watcher) -> WatcherState:
        """Read until the stream ends, then resume from the revision that the Store has seen.

        A watch that was refused or garbled would fail again, so a new list follows, and after 410.
        """
        watcher.accepted_at = None
        try:
            async with aclosing(self._events(watcher)) as events:
                async for event in events:
                    watcher.hear(event)
        except ApiError as error:
            watcher.is_steady()
            resumable = isinstance(error, Unavailable) and not isinstance(error, Garbled)
            return watcher.after(error, self._resume(watcher) if resumable else Listing())
        if watcher.is_steady():
            return self._resume(watcher)
        ended_at_once = Unavailable(200, "ShortWatch", "the stream ended at once")
        return watcher.after(ended_at_once, self._resume(watcher))

    async def _events(self, watcher: Watcher) -> AsyncGenerator[_Event, None]:
        source = watcher.source
        query = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": self.version,
            "timeoutSeconds": str(watcher.runtime.random.randint(*source.server_timeout)),
        }
        if source.label_selector:
            query["labelSelector"] = source.label_selector
        if source.field_selector:
            query["fieldSelector"] = source.field_selector
        path = collection_path(source.kind, source.namespace)
        watcher.observer.watch_opened(source.kind)
        lines = Lines()
        accept = source.representation.of_objects
        async with aclosing(watcher.streams.stream(path, query, source.silence, accept)) as chunks:
            async for chunk in chunks:
                if watcher.accepted_at is None:
                    watcher.accepted_at = watcher.runtime.clock.monotonic()
                    watcher.answered()
                for line in lines.feed(chunk):
                    yield decoded(_event_decoder, line)

    @staticmethod
    def _resume(watcher: Watcher) -> Watching:
        return Watching(str(watcher.store.revision(watcher.source.kind)))


@dataclass(frozen=True, slots=True)
class Waiting:
    """Waits before the next state."""

    seconds: float
    then: WatcherState

    async def next(self, watcher: Watcher) -> WatcherState:
        """Sleep, then return the next state."""
        await watcher.runtime.clock.sleep(self.seconds)
        return self.then


WatcherState = Listing | Watching | Waiting


def _snapshot(kind: str, item: Raw) -> Snapshot:
    try:
        # Raw refers to the whole page or line; a copy lets the rest be freed.
        return snapshot_of(kind, bytes(item))
    except (DecodeError, RecursionError) as error:
        raise Garbled(0, "Garbled", str(error)) from error
