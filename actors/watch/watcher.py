"""Keeps the Store equal to the API server for one kind, and reports every change.

A state machine: each state is a value, and its `next` does one step and returns the next state
(`actors.watch.watcher_states`). The Watcher is what outlasts the states.

Guarantees: a Store never shows a part of a list, but for a VersionStore, which shows each page at
once; an object that was deleted while no watch was open is reported as deleted; a change is
reported at least once, in the order of revisions within one stream.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from msgspec.json import Decoder

from actors.api.errors import Gone, Status, decoded, error_from_status
from actors.runtime.backoff import Backoff
from actors.runtime.task_actor import TaskActor
from actors.watch.watcher_states import Listing, Waiting

if TYPE_CHECKING:
    from actors.api.client import Client
    from actors.api.errors import ApiError, NotFound
    from actors.api.transport import Transport
    from actors.runtime.context import Runtime
    from actors.watch.audience import Audience, WatchObserver
    from actors.watch.source import Event, Source
    from actors.watch.store import Store
    from actors.watch.watcher_states import WatcherState

_log = logging.getLogger(__name__)
# Seconds after which a stream counts as a success, however it ends: load balancers cut quiet
# streams. A shorter stream counts as a failure, so that the watcher backs off.
_STEADY = 1.0
# Failures in a row from which on they are logged as warnings.
_FAILURES_TO_WARN = 3
# Seconds, the first and the longest wait after failures in a row to which the API server answered.
_FIRST_WAIT, _LONGEST_WAIT = 0.2, 4.0
# Seconds between two looks for a CRD that is missing, at most.
_MISSING_WAIT = 5.0
# An API server that is overloaded answers so, and a load balancer in front of none: not a sign that
# it serves, and no time for thousands of nodes to come back every few seconds.
_OVERLOADED = frozenset({429, 502, 503, 504})
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
        self.is_missing = False
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

    def hear(self, event: Event, since: int) -> None:
        """Apply one event of a watch from revision `since` on, and report the change.

        Raises an ERROR event, and Gone if the event is older than the watch.
        """
        if event.type == "ERROR":
            status = decoded(_status_decoder, event.object)
            raise error_from_status(status.code, status)
        snapshot = self.source.snapshot(event.object)
        self.observer.watch_heard(self.source.kind)
        if 0 < snapshot.revision < since:
            raise self.restored(snapshot.revision, since)
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

    def restored(self, newest: int, seen: int) -> Gone:
        """Take in that etcd has an older state than was seen; the error that leads to a list."""
        self.store.restored(self.source.kind)
        return Gone(0, "Restored", f"etcd is at revision {newest}, {seen} was seen")

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

    def missing(self, error: NotFound) -> WatcherState:
        """Wait for the CRD, without which the API server knows no list: a user has to apply it."""
        kind, self.last_error = self.source.kind, str(error)
        if not self.is_missing:
            self.is_missing = True
            _log.warning("the CRD of %s is missing; it is taken up once it is applied", kind)
        self.answered()
        self.audience.absent(kind)
        longest = max(_MISSING_WAIT, self.source.longest_wait)
        return Waiting(longest * self.runtime.random.uniform(0.5, 1.0), Listing())

    def accepted(self) -> None:
        """Take in that the API server has accepted the watch."""
        self.accepted_at = self.runtime.clock.monotonic()
        self.answered()

    def answered(self) -> None:
        """Take in that an API server answers; if none did before, count failures anew."""
        if not self.is_answered:
            self.is_answered, self.failures = True, 0
