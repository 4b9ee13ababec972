"""What a watcher watches, as the API server is asked for it."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec import DecodeError, Raw, Struct
from msgspec.json import Decoder

from actors.api.client import FULL, Representation
from actors.api.errors import Garbled, decoded
from actors.watch.lines import Lines
from actors.watch.store import snapshot_of
from resources.kubernetes.kinds import collection_path

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from actors.api.transport import Transport
    from actors.watch.store import Snapshot

# Seconds. Without it the API server ends a stream after 30 to 60 minutes.
SERVER_TIMEOUT = (300, 600)
# Seconds without a byte after which a stream counts as lost; bookmarks come about once a minute.
SILENCE = 150.0


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

    async def events(
        self, streams: Transport, version: str, seconds: int
    ) -> AsyncGenerator[Event | None, None]:
        """Yield None once the API server has accepted the watch, then each event after `version`.

        The API server ends the stream after so many seconds. Raises ApiError.
        """
        query = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(seconds),
        }
        selectors = {"labelSelector": self.label_selector, "fieldSelector": self.field_selector}
        query |= {name: selector for name, selector in selectors.items() if selector}
        path = collection_path(self.kind, self.namespace)
        lines = Lines()
        accept, is_accepted = self.representation.of_objects, False
        async with aclosing(streams.stream(path, query, self.silence, accept)) as chunks:
            async for chunk in chunks:
                if not is_accepted:
                    is_accepted = True
                    yield None
                for line in lines.feed(chunk):
                    yield decoded(_event_decoder, line)

    def snapshot(self, item: Raw) -> Snapshot:
        """The object of an event or of a list; raises Garbled."""
        try:
            # Raw refers to the whole page or line; a copy lets the rest be freed.
            return snapshot_of(self.kind, bytes(item))
        except (DecodeError, RecursionError) as error:
            raise Garbled(0, "Garbled", str(error)) from error


class Event(Struct):
    """One event as it came: ADDED, MODIFIED, DELETED, BOOKMARK or ERROR, and its object."""

    type: str
    object: Raw


_event_decoder = Decoder(Event)
