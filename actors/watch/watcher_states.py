"""The states of a Watcher.

    Listing ──all pages──→ Watching ──the server ends the stream──→ Watching
       │                      ├──cut off, or ended at once──→ Waiting ──→ Resuming
       └─error─┐              ├──refused, garbled, silent──→ Waiting ──→ Listing
               └──→ Waiting   └──410, or an older revision──→ Listing

    Resuming ──the revision exists──→ Watching
       ├──etcd has only older ones──→ Listing
       └──error──→ Waiting ──→ Resuming

An API server whose etcd was restored to an older state accepts a watch from a revision that does
not exist yet, and sends nothing, not even a bookmark, until it does (measured on 1.36).
Sources: Kubernetes API concepts, "Efficient detection of changes" and "Watch bookmarks".
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors.api.errors import ApiError, Garbled, NotFound, Silent, Unavailable
from actors.watch.paging import newest_revision, pages
from actors.watch.store import revision_of

if TYPE_CHECKING:
    from actors.watch.store import Snapshot
    from actors.watch.watcher import Watcher


@dataclass(frozen=True, slots=True)
class Listing:
    """Reads all pages of a list; only a complete list replaces what the Store holds."""

    async def next(self, watcher: Watcher) -> WatcherState:
        """List without a resourceVersion, hence a quorum read; store the list, report changes.

        A VersionStore takes each page at once; if the list then breaks off, it is read again.
        """
        watcher.accepted_at = None
        try:
            snapshots, version = await self._all_pages(watcher)
        except NotFound as error:
            return watcher.missing(error)
        except ApiError as error:
            return watcher.after(error, self)
        watcher.answered()
        watcher.is_missing, kind = False, watcher.source.kind
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
                version = page.version
                items = [source.snapshot(item) for item in page.items or ()]
                taken = watcher.store.page(source.kind, items, revision_of(version))
                snapshots += taken.kept
                for change in taken.changes:
                    watcher.audience.changed(change)
        return snapshots, version


@dataclass(frozen=True, slots=True)
class Watching:
    """Follows the changes from one resourceVersion on."""

    version: str

    async def next(self, watcher: Watcher) -> WatcherState:
        """Read until the stream ends, then resume from the revision that the Store has seen.

        A watch that was refused or garbled would fail again, and a silent one may wait for a
        revision of the future: so a new list follows, as after 410.
        """
        watcher.accepted_at, since = None, revision_of(self.version)
        source, seconds = watcher.source, watcher.source.server_timeout
        try:
            watcher.observer.watch_opened(source.kind)
            events = source.events(
                watcher.streams, self.version, watcher.runtime.random.randint(*seconds)
            )
            async with aclosing(events):
                async for event in events:
                    if event is None:
                        watcher.accepted()
                    else:
                        watcher.hear(event, since)
        except ApiError as error:
            watcher.is_steady()
            resumable = isinstance(error, Unavailable) and not isinstance(error, Garbled | Silent)
            return watcher.after(error, Resuming() if resumable else Listing())
        if watcher.is_steady():
            return Watching(str(watcher.store.revision(watcher.source.kind)))
        ended_at_once = Unavailable(200, "ShortWatch", "the stream ended at once")
        return watcher.after(ended_at_once, Resuming())


@dataclass(frozen=True, slots=True)
class Resuming:
    """Finds out whether the revision that the Store has seen still exists."""

    async def next(self, watcher: Watcher) -> WatcherState:
        """Ask for the newest revision; if it is an older one, etcd was restored."""
        watcher.accepted_at = None
        source = watcher.source
        try:
            version = await newest_revision(watcher.client, source.kind, source.namespace)
        except NotFound:
            return Listing()
        except ApiError as error:
            return watcher.after(error, self)
        watcher.answered()
        newest, seen = revision_of(version), watcher.store.revision(source.kind)
        if newest < seen:
            return watcher.after(watcher.restored(newest, seen), Listing())
        return Watching(str(seen))


@dataclass(frozen=True, slots=True)
class Waiting:
    """Waits before the next state."""

    seconds: float
    then: WatcherState

    async def next(self, watcher: Watcher) -> WatcherState:
        """Sleep, then return the next state."""
        await watcher.runtime.clock.sleep(self.seconds)
        return self.then


WatcherState = Listing | Watching | Resuming | Waiting
