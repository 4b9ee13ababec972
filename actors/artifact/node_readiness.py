"""Finds out whether the nodes are ready whose pods hold the verdict about an artifact back."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import defaultdict
from heapq import nsmallest
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from msgspec import Struct
from msgspec.json import Decoder

from actors.api.errors import ApiError, NotFound, decoded
from actors.runtime.clock import within
from actors.runtime.task_actor import TaskActor
from resources.kubernetes.reference import ObjectRef

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection

    from actors.api.client import Client
    from actors.artifact.report_index import ReportIndex
    from actors.runtime.context import Runtime

_log = logging.getLogger(__name__)
# Seconds for which pods may hold a verdict back before their nodes are looked at.
_PATIENCE = 10.0
# Seconds between two looks: at most, and at least.
_PERIOD, _PAUSE = 5.0, 1.0
MOST_READS = 20
"""Requests of one look; as many a second, however many nodes and artifacts there are."""


T = TypeVar("T")
# Objects that are looked at before the loop has its turn.
_STEP = 500


class _Condition(Struct):
    type: str
    status: str


class _NodeStatus(Struct, frozen=True):
    conditions: tuple[_Condition, ...] = ()


class _Meta(Struct, rename="camel"):
    uid: str
    resource_version: str


class _Node(Struct):
    metadata: _Meta
    status: _NodeStatus = _NodeStatus()


class _PodSpec(Struct, rename="camel"):
    node_name: str = ""


class _Pod(Struct):
    metadata: _Meta
    spec: _PodSpec


_nodes, _pods = Decoder(_Node), Decoder(_Pod)


class _Read(NamedTuple):
    """The last reading of a Node: its resourceVersion, and when it was read."""

    version: str = ""
    at: float = -math.inf


class NodeReadiness(TaskActor):
    """Tells the ReportIndex which nodes are not ready; no Node is read without need.

    The condition Ready of a Node is not in its metadata, which is all that is watched. A Node is
    read by name once pods on it have held a verdict back for a while, and again when the watch
    shows that it has changed; nothing is read while nothing is held back. A pod that has never
    reported is read once, for the name of its node.
    """

    kind = "NodeReadiness"

    def __init__(
        self,
        runtime: Runtime,
        client: Client,
        reports: ReportIndex,
        version_of: Callable[[str], str],
        tell: Callable[[Collection[ObjectRef], ObjectRef], None],
    ) -> None:
        """`version_of` gives the watched version of a node, empty if it is gone.

        `tell` gets the artifacts whose sum has changed, and the node or pod because of which.
        """
        super().__init__(runtime)
        self._client = client
        self._reports = reports
        self._version_of = version_of
        self._tell = tell
        self._held_since: dict[ObjectRef, float] = {}
        self._readings: dict[str, _Read] = {}
        self._news: asyncio.Future[None] | None = None

    async def run(self) -> None:
        """Look every few seconds, and when a node that was not ready has changed."""
        self._reports.on_unready_changed = self._wake
        while True:
            self._news = self.loop.create_future()
            is_done = True
            try:
                is_done = await self.look()
            except ApiError as error:
                _log.info("to be tried again: %s", error)
            await self.runtime.clock.sleep(_PAUSE)
            if is_done:
                await within(self.runtime.clock, _PERIOD - _PAUSE, self._news)

    async def look(self) -> bool:
        """Read what is due, MOST_READS at most; return whether that was all. Raises ApiError."""
        unread, unplaced = await self._due()
        pods = unplaced[: MOST_READS // 2]
        for pod in pods:
            await self._place(pod)
        due = nsmallest(MOST_READS - len(pods), unread, key=lambda node: self._read_of(node).at)
        for node in due:
            await self._read(node)
        return not pods and len(due) == len(unread)

    def describe(self) -> dict[str, Any]:
        """Add what is known, for the actor dump."""
        own = {"not ready": sorted(self._reports.unready), "read": len(self._readings)}
        return {**super().describe(), **own, "held back": len(self._held_since)}

    async def _due(self) -> tuple[list[str], list[ObjectRef]]:
        """The nodes to be read, and pods to be read whose node is not known."""
        nodes, pods = set(self._reports.unready), []
        async for ref in _in_steps(await self._holding()):
            if node := self._reports.node_of(ref.namespace, ref.name):
                nodes.add(node)
            else:
                pods.append(ref)
        self._readings = {node: self._read_of(node) for node in nodes & self._readings.keys()}
        return [node async for node in _in_steps(nodes) if self._is_unread(node)], pods

    async def _holding(self) -> list[ObjectRef]:
        """The pods that have held a verdict back for too long."""
        now = self.runtime.clock.monotonic()
        held = self._reports.held_back()
        self._held_since = {artifact: self._held_since.get(artifact, now) for artifact in held}
        pods: defaultdict[str, set[str]] = defaultdict(set)
        for artifact, since in list(self._held_since.items()):
            if now - since >= _PATIENCE:
                pods[artifact.namespace] |= self._reports.holding(artifact)
                await asyncio.sleep(0)
        return [ObjectRef("Pod", namespace, pod) for namespace in pods for pod in pods[namespace]]

    def _read_of(self, node: str) -> _Read:
        return self._readings.get(node, _Read())

    def _is_unread(self, node: str) -> bool:
        """Whether the node has changed since it was read, or never was."""
        version = self._version_of(node)
        return version not in {"", self._read_of(node).version}

    async def _read(self, name: str) -> None:
        ref = ObjectRef("Node", "", name)
        try:
            raw = await self._client.get(ref)
        except NotFound:
            return  # the watch is about to show that
        node = decoded(_nodes, raw)
        version = node.metadata.resource_version
        self._readings[name] = _Read(version, self.runtime.clock.monotonic())
        ready = {known.status for known in node.status.conditions if known.type == "Ready"}
        self._told(self._reports.set_ready(name, ready=ready == {"True"}), ref)

    async def _place(self, ref: ObjectRef) -> None:
        """Read on which node a pod is."""
        try:
            pod = decoded(_pods, await self._client.get(ref))
        except NotFound:
            return
        self._told(self._reports.place(ref, pod.metadata.uid, pod.spec.node_name), ref)

    def _told(self, concerned: Collection[ObjectRef], because_of: ObjectRef) -> None:
        if concerned:
            self._tell(concerned, because_of)

    def _wake(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)


async def _in_steps(items: Collection[T]) -> AsyncIterator[T]:
    """The items, in steps between which the loop does other work."""
    for number, item in enumerate(items):
        if number % _STEP == 0:
            await asyncio.sleep(0)
        yield item
