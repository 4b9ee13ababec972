"""Who is told what a watcher sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from actors.watch.store import Change


class Audience(Protocol):
    """Receives the changes that a watcher sees."""

    def listed(self, kind: str) -> None:
        """Take in that the Store holds a complete list of this kind."""
        ...

    def absent(self, kind: str) -> None:
        """Take in that the CRD of this kind is missing."""
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
