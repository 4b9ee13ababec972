"""The base class of actors that bring one resource to what is wanted by writing."""

from __future__ import annotations

import logging
from abc import abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from msgspec.structs import replace

from actors.api.errors import ApiError, Refused
from actors.runtime.actor import Actor
from actors.runtime.results import Done, RequeueAfter, Result
from actors.watch.view import View
from actors.write.retry import Retry
from actors.write.writer import Writer
from resources.kubernetes.reference import Owner

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from actors.api.client import Client
    from actors.runtime.context import Runtime
    from actors.runtime.reason import Reasons
    from actors.watch.store import Snapshot, Store
    from actors.write.recorder import Record
    from resources.kubernetes.conditions import Counts
    from resources.kubernetes.reference import ObjectRef

_log = logging.getLogger(__name__)
NEXT_COUNTS = "the next status write for counts"
"""What an actor waits for while nothing but counts has changed since its last status write."""
# Seconds, at least, between two tries to write the status of a parked actor: after a conflict only
# the watch can bring the object that the next try has to be computed from.
_PARKED_DELAY = 0.1


@dataclass(frozen=True, slots=True)
class WritingServices:
    """What every WritingActor works with; shared by all of them."""

    client: Client
    store: Store
    record: Callable[[Record], None]


@dataclass(slots=True)
class Incarnation:
    """What an actor remembers of its resource under one uid.

    It is only what the API server does not store, and the actor may lose it at any time.
    """

    owner: Owner
    writer: Writer
    retry: Retry
    status_at: float = field(default=float("-inf"), kw_only=True)
    """Monotonic time of the last write of the status."""

    @property
    def view(self) -> View:
        """The Store, with the answers to this actor's own writes over it."""
        return self.writer.view


IncarnationT = TypeVar("IncarnationT", bound=Incarnation)
ServicesT = TypeVar("ServicesT", bound=WritingServices)


class WritingActor(Actor, Generic[IncarnationT, ServicesT]):
    """Reconciles one resource; an ApiError ends the reconcile, and never the actor.

    After an ApiError, `Retry` tells when the next reconcile runs.
    """

    counts: Counts
    """Where the status counts."""

    @property
    @abstractmethod
    def counts_period(self) -> float:
        """Seconds, at least, between two writes of a status in which only counts differ."""

    def __init__(
        self, runtime: Runtime, ref: ObjectRef, services: ServicesT, field_manager: str
    ) -> None:
        super().__init__(runtime)
        self.kind = ref.kind
        self.ref = ref
        self._services = services
        self._field_manager = field_manager
        self._incarnation: IncarnationT | None = None

    @property
    def lane(self) -> tuple[str, str]:
        """Reconciles take turns by kind and namespace."""
        return self.ref.kind, self.ref.namespace

    @abstractmethod
    def _begin(self, owner: Owner, writer: Writer, retry: Retry) -> IncarnationT:
        """An incarnation of which nothing is remembered."""

    @abstractmethod
    async def _step(
        self, state: IncarnationT, snapshot: Snapshot | None, reasons: Reasons
    ) -> Result:
        """One reconcile of the resource, None if it is gone; may raise ApiError."""

    @abstractmethod
    def _parked_status(self, snapshot: Snapshot, error: str, message: str) -> Mapping[str, Any]:
        """The status that names the class and the message of the last crash.

        It may raise anything for a document that cannot be decoded, but not for `{}`.
        """

    async def on_reconcile(self, reasons: Reasons) -> Result:
        """Bring the cluster to what the resource wants, whatever it was that changed."""
        writer = self._incarnation.writer if self._incarnation else self._new_writer()
        state = self._incarnation_of(writer)
        try:
            await writer.settle()
            now = self._incarnation_of(writer)
            return await self._step(now, writer.view.get(self.ref), reasons)
        except ApiError as error:
            result = state.retry.requeue(error)
            level = logging.WARNING if isinstance(error, Refused) else logging.INFO
            if state.retry.is_quiet([error]):
                level = logging.DEBUG
            _log.log(level, "%s", error, extra={"object": str(self.ref)})
            return result

    async def tell_parked(self, error: BaseException) -> None:
        """Write into the status that the actor has crashed too often.

        Returns once that is written, or once the resource is gone or has another spec.
        """
        kind, message = type(error).__name__, str(error)
        writer, retry = self._new_writer(), Retry(self.runtime.random)
        parked = writer.view.get(self.ref)
        while parked is not None and (now := writer.view.get(self.ref)) is not None:
            if (now.meta.uid, now.meta.generation) != (parked.meta.uid, parked.meta.generation):
                return
            try:
                if await writer.settle():
                    continue
                await writer.apply_status(now, self._whole_parked_status(now, kind, message))
            except ApiError as problem:
                await self.runtime.clock.sleep(max(retry.after_error(problem), _PARKED_DELAY))
            else:
                return

    def _whole_parked_status(
        self, snapshot: Snapshot, error: str, message: str
    ) -> Mapping[str, Any]:
        """The parked status, from metadata alone if it is the decoding that crashes."""
        try:
            return self._parked_status(snapshot, error, message)
        except Exception:  # noqa: BLE001 # whatever the actor has crashed with
            _log.exception("the status cannot be decoded", extra={"object": str(self.ref)})
            return self._parked_status(replace(snapshot, document=b"{}"), error, message)

    def describe(self) -> dict[str, Any]:
        """Add the uid, the number of tries and what failed last, for the actor dump."""
        mine: dict[str, Any] = {"object": str(self.ref)}
        if self._incarnation is not None:
            mine["uid"] = self._incarnation.owner.uid
            mine["tries"] = self._incarnation.retry.tries
            mine["problem"] = self._incarnation.retry.problem
        return {**super().describe(), **mine}

    def _incarnation_of(self, writer: Writer) -> IncarnationT:
        """What is remembered of this uid; a resource that is gone keeps its last incarnation."""
        snapshot = writer.view.get(self.ref)
        uid = (snapshot.meta.uid or "") if snapshot is not None else ""
        if self._incarnation is None or uid not in {"", self._incarnation.owner.uid}:
            retry = Retry(self.runtime.random)
            self._incarnation = self._begin(Owner(self.ref, uid), writer, retry)
        return self._incarnation

    def _new_writer(self) -> Writer:
        return Writer(self._services.client, View(self._services.store), self._field_manager)

    async def _write_status(
        self,
        state: IncarnationT,
        snapshot: Snapshot,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
    ) -> float | None:
        """Write a status that differs; return the seconds until mere counts may be written."""
        if after == before:
            return None
        since, period = self.runtime.clock.monotonic() - state.status_at, self.counts_period
        if since < period and self.counts.only_differ(after, before):
            return period - since
        await state.writer.apply_status(snapshot, after)
        state.status_at = self.runtime.clock.monotonic()
        return None


def at_earliest(*waits: tuple[float | None, str]) -> Result:
    """Reconcile again after the shortest wait of these, each in seconds and with what it is for.

    `Done` if none of them has seconds.
    """
    due = [(seconds, why) for seconds, why in waits if seconds is not None]
    return RequeueAfter(*min(due)) if due else Done()
