"""Writes Kubernetes Events (events.k8s.io/v1), repeats as one series."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from actors.api.errors import ApiError, Conflict, NamespaceTerminating, NotFound, Unavailable
from actors.runtime.backoff import Backoff
from actors.runtime.task_actor import TaskActor
from resources.kubernetes.kinds import KINDS
from resources.kubernetes.meta import micro_time
from resources.kubernetes.reference import ObjectRef

if TYPE_CHECKING:
    from datetime import datetime

    from actors.api.client import Client
    from actors.runtime.context import Runtime
    from resources.kubernetes.event import EventDraft
    from resources.kubernetes.reference import Owner

K = TypeVar("K")
V = TypeVar("V")

CONTROLLER = "falcosecurity.dev/falco-operator"
_log = logging.getLogger(__name__)
# The same as client-go: a repeat within six minutes carries on the series.
_SERIES = 360.0
_REMEMBERED = 1000
# As many as may wait while the API server is away.
_WAITING = 1000
# So many are written at a time; those about one resource one after the other.
WRITERS = 8
# About two minutes with this backoff, as long as client-go tries.
_TRIES = 20
_BACKOFF = Backoff(base=0.5, cap=15.0)


@dataclass(frozen=True, slots=True)
class Record:
    """Tell the user about one resource."""

    regarding: Owner
    draft: EventDraft


class _Told(NamedTuple):
    """A Record, when it was told, and the name of its Event, the same however often it is tried."""

    record: Record
    at: datetime
    name: str


@dataclass(slots=True)
class _Series:
    ref: ObjectRef
    count: int
    last: float


class EventRecorder(TaskActor):
    """One Event for each Record, those about one resource in order; equal ones become a series.

    Events are a courtesy: one that is refused, or finds no API server for about two minutes, is
    dropped with a log line, as is one that finds a thousand waiting. None holds up a reconcile.
    Once a namespace has been found to go, no Event of that resource is tried any more.
    """

    kind = "EventRecorder"

    def __init__(self, runtime: Runtime, client: Client, instance: str) -> None:
        super().__init__(runtime)
        self._client = client
        self._instance = instance
        self._queues: list[asyncio.Queue[_Told]] = [asyncio.Queue() for _ in range(WRITERS)]
        self._series: OrderedDict[Record, _Series] = OrderedDict()
        self._going: OrderedDict[Owner, None] = OrderedDict()

    async def on_receive(self, message: object) -> None:
        """Take a `Record`."""
        if not isinstance(message, Record):
            return
        if self._waiting >= _WAITING:
            _dropped(message, "too many wait for the API server")
            return
        name = self._new_name(message.regarding.ref.name)
        told = _Told(message, self.runtime.clock.now(), name)
        self._queues[hash(message.regarding) % WRITERS].put_nowait(told)

    async def run(self) -> None:
        """Write what was told, each resource's Events from a queue that is always the same."""
        async with asyncio.TaskGroup() as writers:
            for queue in self._queues:
                writers.create_task(self._write_all(queue))

    def describe(self) -> dict[str, Any]:
        """Add how many Events wait to be written, for the actor dump."""
        return {**super().describe(), "waiting": self._waiting}

    @property
    def _waiting(self) -> int:
        return sum(queue.qsize() for queue in self._queues)

    async def _write_all(self, queue: asyncio.Queue[_Told]) -> None:
        while True:
            told = await queue.get()
            if told.record.regarding not in self._going:
                await self._persist(told)

    async def _persist(self, told: _Told) -> None:
        for attempt in range(_TRIES):
            try:
                await self._write(told)
            except Unavailable as error:
                delay = _BACKOFF.delay(attempt, self.runtime.random)
                await self.runtime.clock.sleep(max(delay, error.retry_after or 0.0))
            except ApiError as error:
                if isinstance(error, NamespaceTerminating):
                    _keep(self._going, told.record.regarding, None)
                _dropped(told.record, str(error))
                return
            else:
                return
        _dropped(told.record, "the API server cannot be reached")

    async def _write(self, told: _Told) -> None:
        known = self._series.get(told.record)
        if known is not None and self.runtime.clock.monotonic() - known.last < _SERIES:
            try:
                await self._carry_on(told, known)
            except NotFound:
                pass  # expired or deleted on the API server: a new one
            else:
                return
        ref = ObjectRef("Event", told.record.regarding.ref.namespace or "default", told.name)
        with suppress(Conflict):  # an earlier try had arrived, only its answer had not
            await self._client.create_event(ref.namespace, self._body(told, ref))
        self._remember(told.record, ref, 1)

    async def _carry_on(self, told: _Told, known: _Series) -> None:
        count = known.count + 1
        series = {"count": count, "lastObservedTime": micro_time(told.at)}
        await self._client.patch_event(known.ref, {"series": series})
        self._remember(told.record, known.ref, count)

    def _remember(self, record: Record, ref: ObjectRef, count: int) -> None:
        _keep(self._series, record, _Series(ref, count, self.runtime.clock.monotonic()))

    def _new_name(self, stem: str) -> str:
        """A name that no Event has; cut where needed, and still a DNS name."""
        return f"{stem[:230].rstrip('-.')}.{self.runtime.random.getrandbits(64):016x}"

    def _body(self, told: _Told, event: ObjectRef) -> dict[str, Any]:
        ref, draft = told.record.regarding.ref, told.record.draft
        return {
            "apiVersion": KINDS["Event"].api_version,
            "kind": "Event",
            "metadata": {"name": event.name, "namespace": event.namespace},
            "eventTime": micro_time(told.at),
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
                "uid": told.record.regarding.uid,
            },
        }


def _keep(known: OrderedDict[K, V], key: K, value: V) -> None:
    """Remember it as the latest; the one that is remembered longest makes room."""
    known[key] = value
    known.move_to_end(key)
    if len(known) > _REMEMBERED:
        known.popitem(last=False)


def _dropped(record: Record, why: str) -> None:
    extra = {"object": str(record.regarding.ref)}
    _log.warning("event %s dropped: %s", record.draft.reason, why, extra=extra)
