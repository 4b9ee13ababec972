"""Asks why pods of a workload are not updated or not available; a healthy start is not asked."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from actors.api.client import FULL, TABLE
from actors.api.errors import ApiError
from resources.instance.availability import incomplete_counts, patience
from resources.instance.pod_failure import (
    CREATION_REASONS,
    START_REASONS,
    failing,
    is_starting,
    of_events,
    of_pod,
    of_workload,
    pods_selector,
    waits_for_deletion,
)
from resources.kubernetes.reference import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from actors.api.client import Client
    from actors.runtime.clock import Clock
    from resources.instance.availability import PodCounts

# Seconds between two times that the API server is asked: doubled up to the second, but at most
# `_CHANGED` after a change of the counts, since the reason may have changed as well.
_AGAIN = (10.0, 300.0)
_CHANGED = 30.0
# A pod takes about 120 bytes of a table.
_PODS = "1000"
_EVENTS = "20"


class PodFailures:
    """Why pods of the workload of one owner are not updated or not available.

    A time that the API server is asked costs up to four requests: a table of the pods, the worst
    pod, its Events if it has not started, and the DaemonSet's Events if it lacks pods. The first
    time is when the counts have stayed the same for as long as a healthy pod needs to start.
    """

    def __init__(self, client: Client, clock: Clock, owner: ObjectRef) -> None:
        self._client = client
        self._clock = clock
        self._owner = owner
        self._counts: PodCounts | None = None
        self._found = ""
        self._due = 0.0
        self._interval = _AGAIN[0]

    async def why(self, kind: str, workload: dict[str, Any] | None) -> str:
        """What is known of the reason; empty if nothing, or if nothing is wrong."""
        counts = incomplete_counts(kind, workload)
        if workload is None or counts is None or counts.desired == 0:
            self._counts, self._found = None, ""
            return ""
        now = self._clock.monotonic()
        if counts != self._counts:
            self._noted(workload, counts, now)
        if now >= self._due:
            self._due = now + self._interval
            self._interval = min(2 * self._interval, _AGAIN[1])
            if counts.available < counts.desired or not waits_for_deletion(kind, workload, counts):
                await self._ask(kind, workload, counts)
        return "; ".join(filter(None, (of_workload(kind, workload, counts), self._found)))

    def _noted(self, workload: dict[str, Any], counts: PodCounts, now: float) -> None:
        """Take in counts that have changed; pods that are known to fail get no more time."""
        self._counts = counts
        if self._found:
            self._due = min(self._due, now + _CHANGED)
        else:
            self._due, self._interval = now + patience(workload, counts), _AGAIN[0]

    def next_time(self) -> float | None:
        """Seconds until the API server is to be asked; None if nothing is wrong."""
        return None if self._counts is None else max(0.0, self._due - self._clock.monotonic())

    async def _ask(self, kind: str, workload: dict[str, Any], counts: PodCounts) -> None:
        """Ask for the reason; after an error what was found before stays."""
        questions: list[Callable[[], Awaitable[str]]] = []
        if kind == "DaemonSet" and counts.total < counts.desired:
            questions.append(partial(self._events_of, kind, workload, CREATION_REASONS))
        if counts.total > 0:
            questions.append(self._worst_pod)
        found, failed = [], False
        for question in questions:
            try:
                found.append(await question())
            except ApiError as error:
                failed = True
                self._due = max(self._due, self._clock.monotonic() + (error.retry_after or 0.0))
        self._found = "; ".join(filter(None, found)) or (self._found if failed else "")

    async def _worst_pod(self) -> str:
        query = {
            "labelSelector": pods_selector(self._owner),
            "limit": _PODS,
            "includeObject": "None",
        }
        pods = failing(await self._list("Pod", query, TABLE))
        if not pods:
            return ""
        ref = ObjectRef("Pod", self._owner.namespace, pods[0].name)
        pod = msgspec.json.decode(await self._client.get(ref))
        told = of_pod(pod, sum(other.status == pods[0].status for other in pods) - 1)
        events = await self._events_of("Pod", pod, START_REASONS) if is_starting(pod) else ""
        return f"{told}: {events}" if events else told

    async def _events_of(self, kind: str, about: dict[str, Any], reasons: frozenset[str]) -> str:
        meta = about["metadata"]
        fields = {"regarding.kind": kind, "regarding.uid": meta["uid"], "type": "Warning"}
        if len(reasons) == 1:
            fields["reason"] = next(iter(reasons))
        selector = ",".join(f"{field}={value}" for field, value in fields.items())
        query = {"fieldSelector": selector, "limit": _EVENTS}
        return of_events((await self._list("Event", query, FULL))["items"], reasons)

    async def _list(self, kind: str, query: dict[str, str], representation: Any) -> dict[str, Any]:
        raw = await self._client.list_page(kind, self._owner.namespace, query, representation)
        found: dict[str, Any] = msgspec.json.decode(raw)
        return found
