"""Writes Kubernetes Events (events.k8s.io/v1); equal ones become one series."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from actors.api.errors import ApiError, Conflict, NamespaceTerminating, NotFound, Unavailable
from actors.runtime.activity import Beside, decide
from actors.runtime.backoff import Backoff
from actors.runtime.mail import Letter
from actors.runtime.task_actor import TaskActor
from resources.kubernetes.kinds import KINDS
from resources.kubernetes.meta import micro_time
from resources.kubernetes.reference import ObjectRef

if TYPE_CHECKING:
    from datetime import datetime
    from random import Random

    from actors.api.client import Client
    from actors.runtime.context import Runtime
    from resources.kubernetes.event import EventDraft
    from resources.kubernetes.reference import Owner

K = TypeVar("K")
V = TypeVar("V")

CONTROLLER = "falcosecurity.dev/falco-operator"
_log = logging.getLogger(__name__)
# Seconds in which an equal Event continues a series, as in client-go.
_SERIES = 360.0
# Series, and owners in terminating namespaces, that are remembered.
_REMEMBERED = 1000
# Events that may wait while the API server does not answer.
_WAITING = 1000
# Events that are written at a time; those about one resource are written in order.
WRITERS = 8
# Tries of one Event: about two minutes with this backoff, as in client-go.
_TRIES = 20
_BACKOFF = Backoff(base=0.5, cap=15.0)


@dataclass(frozen=True, slots=True)
class Record:
    """An Event to be written about one resource."""

    regarding: Owner
    draft: EventDraft


class _Pending(NamedTuple):
    """A Record, the time it was received, and the name of its Event, equal for every try."""

    record: Record
    at: datetime
    name: str


@dataclass(slots=True)
class _Series:
    ref: ObjectRef
    count: int
    last: float


class _Lane:
    """Records that are written one after the other; `current` is being written."""

    def __init__(self) -> None:
        self.waiting: asyncio.Queue[_Pending] = asyncio.Queue()
        self.current: _Pending | None = None

    async def next(self) -> _Pending:
        """The Record that a former recorder was cancelled at, else the one that waits longest."""
        if self.current is None:
            self.current = await self.waiting.get()
        return self.current


class Backlog:
    """The Records that are to be written, over all lives of the recorder.

    A recorder that crashes takes the Record with it that it has crashed at, and no other.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.lanes = tuple(_Lane() for _ in range(WRITERS))

    def __len__(self) -> int:
        return sum(lane.waiting.qsize() for lane in self.lanes)

    def add(self, record: Record) -> None:
        """Have an Event written; it is dropped with a log line if a thousand wait already."""
        if len(self) >= _WAITING:
            _dropped(record, "too many wait for the API server")
            return
        name = _new_name(record.regarding.ref.name, self._runtime.random)
        pending = _Pending(record, self._runtime.clock.now(), name)
        # Those about one resource are always in the same lane, and so in order.
        self.lanes[hash(record.regarding) % WRITERS].waiting.put_nowait(pending)


class WriteEvent(NamedTuple):
    """What runs beside the mail, as the trace names it."""

    reason: str


class EventRecorder(TaskActor):
    """Writes one Event for each Record, in order for each resource; equal ones become a series.

    No reconcile waits for an Event. An Event is dropped with a log line if it is refused, or if no
    API server answers for about two minutes. Once the namespace of a resource is known to be
    terminating or gone, its Events are not tried any more, and none of that is worth a warning.
    """

    kind = "EventRecorder"

    def __init__(self, runtime: Runtime, client: Client, instance: str, backlog: Backlog) -> None:
        super().__init__(runtime)
        self._client = client
        self._instance = instance
        self._backlog = backlog
        self._series: OrderedDict[Record, _Series] = OrderedDict()
        self._going: OrderedDict[Owner, None] = OrderedDict()

    async def run(self) -> None:
        """Write the Events of all lanes."""
        async with asyncio.TaskGroup() as writers:
            for lane in self._backlog.lanes:
                writers.create_task(self._write_all(lane))

    def describe(self) -> dict[str, Any]:
        """Add how many Events wait to be written, for the actor dump."""
        return {**super().describe(), "waiting": len(self._backlog)}

    async def _write_all(self, lane: _Lane) -> None:
        while True:
            pending = await lane.next()
            try:
                if pending.record.regarding not in self._going:
                    await self._persist(pending)
            except Exception as error:
                _dropped(pending.record, f"the recorder crashed at it: {type(error).__name__}")
                lane.current = None
                raise
            lane.current = None

    async def _persist(self, pending: _Pending) -> None:
        for attempt in range(_TRIES):
            event = WriteEvent(pending.record.draft.reason)
            try:
                with Beside(Letter(event, None, self.runtime.clock.monotonic())):
                    await self._write(pending)
                    decide(f"wrote {event.reason} about {pending.record.regarding.ref}")
            except Unavailable as error:
                delay = _BACKOFF.delay(attempt, self.runtime.random)
                await self.runtime.clock.sleep(max(delay, error.retry_after or 0.0))
            except (NamespaceTerminating, NotFound) as error:
                _keep(self._going, pending.record.regarding, None)
                reason, extra = pending.record.draft.reason, _extra(pending.record)
                _log.debug("event %s not written: %s", reason, error, extra=extra)
                return
            except ApiError as error:
                _dropped(pending.record, str(error))
                return
            else:
                return
        _dropped(pending.record, "the API server cannot be reached")

    async def _write(self, pending: _Pending) -> None:
        series = self._series.get(pending.record)
        if series is not None and self.runtime.clock.monotonic() - series.last < _SERIES:
            try:
                await self._continue(pending, series)
            except NotFound:
                pass  # the Event has expired or was deleted: begin a new series
            else:
                return
        ref = ObjectRef("Event", pending.record.regarding.ref.namespace or "default", pending.name)
        with suppress(Conflict):  # an earlier try has created it, and only its answer was lost
            await self._client.create_event(ref.namespace, self._body(pending, ref))
        self._remember(pending.record, ref, 1)

    async def _continue(self, pending: _Pending, series: _Series) -> None:
        count = series.count + 1
        change = {"count": count, "lastObservedTime": micro_time(pending.at)}
        await self._client.patch_event(series.ref, {"series": change})
        self._remember(pending.record, series.ref, count)

    def _remember(self, record: Record, ref: ObjectRef, count: int) -> None:
        _keep(self._series, record, _Series(ref, count, self.runtime.clock.monotonic()))

    def _body(self, pending: _Pending, event: ObjectRef) -> dict[str, Any]:
        ref, draft = pending.record.regarding.ref, pending.record.draft
        return {
            "apiVersion": KINDS["Event"].api_version,
            "kind": "Event",
            "metadata": {"name": event.name, "namespace": event.namespace},
            "eventTime": micro_time(pending.at),
            "reportingController": CONTROLLER,
            "reportingInstance": self._instance,
            "action": draft.action,
            "reason": draft.reason,
            "type": draft.type,
            "note": draft.note,
            "regarding": {
                "apiVersion": KINDS[ref.kind].api_version,
                "kind": ref.kind,
                "namespace": ref.namespace,
                "name": ref.name,
                "uid": pending.record.regarding.uid,
            },
        }


def _new_name(stem: str, random: Random) -> str:
    """A name that no other Event has; a long stem is cut so that it stays a DNS name."""
    return f"{stem[:230].rstrip('-.')}.{random.getrandbits(64):016x}"


def _keep(remembered: OrderedDict[K, V], key: K, value: V) -> None:
    """Remember a value as the latest, and forget the oldest if there are too many."""
    remembered[key] = value
    remembered.move_to_end(key)
    if len(remembered) > _REMEMBERED:
        remembered.popitem(last=False)


def _dropped(record: Record, why: str) -> None:
    _log.warning("event %s dropped: %s", record.draft.reason, why, extra=_extra(record))


def _extra(record: Record) -> dict[str, str]:
    return {"object": str(record.regarding.ref)}
