"""Reconciles a resource that runs a workload; what differs by kind is in `kinds.py`.

One reconcile: finalizer and children in waves, then Events of what was done, then the status. What
is remembered between two of them is only what the API server does not know, belongs to one uid, and
may be lost at any time.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from actors.api.errors import ApiError, NamespaceTerminating, Refused
from actors.instance.incarnation import Incarnation, incarnation
from actors.runtime.actor import Actor
from actors.runtime.reason import Cause
from actors.runtime.results import Blocked, Done, RequeueAfter, Result, Retire
from actors.watch.view import View
from actors.write.children import Attempt
from actors.write.parking import tell_parked
from actors.write.recorder import Record
from actors.write.writer import Writer
from resources.instance.children import cluster_scoped, unwanted
from resources.instance.mode import ANNOTATION, Mode, mode_of
from resources.instance.outcome import (
    INVALID,
    PAUSED,
    Failure,
    Outcome,
    deletion_failed,
    events,
    instance_deleted,
)
from resources.instance.status import Instance, only_counts_differ, parked_status
from resources.kubernetes.conditions import RECONCILED, condition
from resources.kubernetes.finalizer import add_finalizer, remove_finalizer
from resources.kubernetes.invalid_spec import InvalidSpec
from resources.kubernetes.reference import Owner

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actors.instance.incarnation import Services
    from actors.instance.kinds import InstanceKind
    from actors.runtime.context import Runtime
    from actors.runtime.reason import Reasons
    from actors.watch.store import Snapshot
    from resources.falco.desired import FalcoSettings
    from resources.falco.rights import Readable
    from resources.instance.children import Child
    from resources.kubernetes.event import EventDraft
    from resources.kubernetes.reference import ObjectRef

_log = logging.getLogger(__name__)
# Seconds between two writes of a status in which nothing but counts has changed.
_COUNTS_PERIOD = 1.0
_NEXT_COUNTS = "the next status write for counts"
_RETRY = "retry after a failed request"
# How many seconds an actor whose resource is gone waits at most for its DELETED event.
_LAST_DELAY = 1.0
# Seconds until a child that is held by somebody's finalizer is looked at without an event.
_LEAVING_DELAY = 30.0
_LEAVING = "a cluster-scoped child that is still being deleted"

R = TypeVar("R", bound=Instance)


class InstanceActor(Actor, Generic[R]):
    """Owns one Falco or Component and all that it makes of it.

    `readable` returns what the artifacts of a namespace refer to.
    """

    def __init__(
        self,
        runtime: Runtime,
        ref: ObjectRef,
        instance_kind: InstanceKind[R],
        services: Services,
        settings: FalcoSettings,
        readable: Callable[[str], Readable],
    ) -> None:
        super().__init__(runtime)
        self.kind = instance_kind.name
        self.ref = ref
        self._instance_kind = instance_kind
        self._services = services
        self._settings = settings
        self._readable = readable
        self._incarnation: Incarnation | None = None

    async def on_reconcile(self, reasons: Reasons) -> Result:
        """Bring the cluster to what the resource wants, whatever it was that changed."""
        view = self._incarnation.view if self._incarnation else View(self._services.store)
        snapshot = view.get(self.ref)
        state = self._incarnation_of(snapshot)
        before = state.writer.calls
        try:
            if snapshot is None:
                return await self._gone(state, reasons)
            return await self._step(state, snapshot)
        except ApiError as error:
            return self._after(state, error)
        finally:
            self.calls = state.writer.calls - before

    async def tell_parked(self, error: BaseException) -> None:
        """Say in the status that the actor has crashed too often; returns once that is so."""
        moment, kind = self.runtime.clock.now, type(error).__name__

        def parked(now: Snapshot) -> dict[str, Any]:
            return parked_status(self._instance_kind.decode(now.raw), kind, str(error), moment())

        writer = Writer(
            self._services.client, View(self._services.store), self._instance_kind.field_manager
        )
        await tell_parked(self.runtime, writer, self.ref, parked)

    def describe(self) -> dict[str, Any]:
        """Which incarnation, how many tries, and what is held back, for the actor dump."""
        mine: dict[str, Any] = {"object": str(self.ref)}
        if self._incarnation is not None:
            state = self._incarnation
            mine |= {"uid": state.owner.uid, "tries": state.retry.tries}
            mine["held"] = state.children.describe()
        return {**super().describe(), **mine}

    def _incarnation_of(self, snapshot: Snapshot | None) -> Incarnation:
        """Return the state, a fresh one for another uid; one that is gone keeps the last."""
        uid = (snapshot.meta.uid or "") if snapshot else ""
        if self._incarnation is not None and uid in {"", self._incarnation.owner.uid}:
            return self._incarnation
        owner = Owner(self.ref, uid)
        self._incarnation = incarnation(
            self.runtime, self._services, owner, self._instance_kind.field_manager
        )
        return self._incarnation

    async def _step(self, state: Incarnation, snapshot: Snapshot) -> Result:
        if snapshot.meta.deletion_timestamp is not None:
            return await self._finalize(state, snapshot)
        resource = self._instance_kind.decode(snapshot.raw)
        try:
            mode, children = mode_of(snapshot.meta), self._desired(resource)
        except InvalidSpec as error:
            return await self._stand_still(state, resource, Failure(INVALID, str(error)))
        if mode is Mode.PAUSED:
            paused = Failure(PAUSED, f"nothing is written while {ANNOTATION} is paused")
            return await self._stand_still(state, resource, paused)
        if mode is Mode.DETECT:
            found = state.children.inspect(children).failures.values()
            return await self._stand_still(state, resource, *found)
        return await self._write(state, snapshot, resource, children)

    def _desired(self, resource: R) -> tuple[Child, ...]:
        readable = self._readable(self.ref.namespace)
        return self._instance_kind.desired(resource, self._settings, readable)

    async def _stand_still(self, state: Incarnation, resource: R, *failures: Failure) -> Result:
        """Report without touching a child."""
        wait = await self._report(state, resource, Outcome(failures=failures))
        state.retry.reset()
        if wait is not None:
            return RequeueAfter(wait, _NEXT_COUNTS)
        return Blocked(failures[0].reason) if failures else Done()

    async def _write(
        self, state: Incarnation, snapshot: Snapshot, resource: R, children: tuple[Child, ...]
    ) -> Result:
        attempt = state.unreported = state.unreported.next()
        own = partial(self._own, state, snapshot, children, attempt)
        await state.children.ensure(children, own, attempt)
        if self._instance_kind.workload_ref(resource) in attempt.done:
            await self._prune(state, unwanted(self.ref, children), attempt)
        again = state.retry.after(attempt.errors)
        if again is not None and state.retry.is_quiet(attempt.errors):
            return RequeueAfter(again, _RETRY)
        if any(isinstance(error, NamespaceTerminating) for error in attempt.errors):
            state.namespace_goes = True
            await self._write_status(state, resource, attempt.outcome())
            return Blocked("NamespaceTerminating")
        wait = await self._report(state, resource, attempt.outcome())
        state.unreported = Attempt()
        if again is None:
            state.retry.reset()
        refused = attempt.refused(self.runtime.random)
        return _earliest(
            (wait, _NEXT_COUNTS),
            (again, _RETRY),
            (refused, "retry after a refused request"),
            (state.children.next_try(), "the next try of a held child"),
        )

    async def _own(
        self,
        state: Incarnation,
        snapshot: Snapshot,
        children: tuple[Child, ...],
        attempt: Attempt,
    ) -> None:
        """Set the finalizer; without it no cluster-scoped child, which is removed through it."""
        try:
            await state.writer.patch(
                self.ref, add_finalizer(snapshot.meta, self._instance_kind.finalizer)
            )
        except ApiError as error:
            attempt.failed(self.ref, error)
            attempt.blocked.update(child.ref for child in children if not child.ref.namespace)

    async def _prune(self, state: Incarnation, refs: Sequence[ObjectRef], attempt: Attempt) -> None:
        """Delete what is no longer wanted, now that the wanted workload is there."""
        for ref in refs:
            try:
                if state.applier.owns(ref) and await state.applier.remove(ref):
                    attempt.pruned.append(ref)
            except ApiError as error:
                attempt.failed(ref, error)

    async def _report(self, state: Incarnation, resource: R, outcome: Outcome) -> float | None:
        """Apply the status, then record the Events: a status that is refused is tried again whole.

        Returns in how many seconds to come back for mere counts.
        """
        wait = await self._write_status(state, resource, outcome)
        before = condition(resource.status.conditions, RECONCILED)
        for draft in events(outcome, before):
            self._tell(state, draft)
        return wait

    async def _write_status(
        self, state: Incarnation, resource: R, outcome: Outcome
    ) -> float | None:
        newest = state.view.get(self.ref)
        if newest is None or newest.meta.uid != state.owner.uid:
            return None
        workload = self._instance_kind.workload_ref(resource)
        live = state.view.get(workload) if state.applier.owns(workload) else None
        status = self._instance_kind.status(
            resource,
            outcome,
            msgspec.json.decode(live.raw) if live else None,
            self.runtime.clock.now(),
        )
        current = msgspec.json.decode(newest.raw).get("status", {})
        if status == current:
            return None
        since = self.runtime.clock.monotonic() - state.status_at
        if only_counts_differ(status, current) and since < _COUNTS_PERIOD:
            return _COUNTS_PERIOD - since
        await state.writer.apply_status(newest, status)
        state.status_at = self.runtime.clock.monotonic()
        return None

    async def _finalize(self, state: Incarnation, snapshot: Snapshot) -> Result:
        """Remove what no garbage collector takes, then let the resource go."""
        if self._instance_kind.finalizer not in (snapshot.meta.finalizers or ()):
            return Done()
        if not await self._cleanup(state):
            return RequeueAfter(_LEAVING_DELAY, _LEAVING)
        await state.writer.patch(
            self.ref, remove_finalizer(snapshot.meta, self._instance_kind.finalizer)
        )
        state.cleaned = True
        state.retry.reset()
        self._tell(state, instance_deleted(self.ref))
        return Done()

    async def _gone(self, state: Incarnation, reasons: Reasons) -> Result:
        """Clean up all the same: a deletion may have overtaken our finalizer."""
        # A write whose answer was lost may have come late: then something is there again.
        if not state.cleaned or any(map(state.applier.owns, cluster_scoped(self.ref))):
            if not await self._cleanup(state):
                return RequeueAfter(_LEAVING_DELAY, _LEAVING)
            state.cleaned = True
        # The news of the end is on its way, and would find an actor that knows nothing of it.
        is_told = reasons.have(Cause.TIMER) or reasons.have(Cause.DELETED, kind=self.ref.kind)
        return Retire() if is_told else RequeueAfter(_LAST_DELAY, "the resource's DELETED event")

    async def _cleanup(self, state: Incarnation) -> bool:
        """Whether every cluster-scoped child is gone, or turned out not to be ours."""
        try:
            return all([await state.applier.remove(ref) for ref in cluster_scoped(self.ref)])
        except Refused as error:
            if state.told != error.message:
                state.told = error.message
                self._tell(state, deletion_failed(self.ref, error.message))
            raise

    def _after(self, state: Incarnation, error: ApiError) -> Result:
        """What follows an error that ended the reconcile."""
        extra = {"object": str(self.ref)}
        wait = state.retry.after([error])
        _log.log(logging.INFO if wait is not None else logging.WARNING, "%s", error, extra=extra)
        wait = state.retry.after_refusal(error) if wait is None else wait
        return RequeueAfter(wait, f"retry after {type(error).__name__}")

    def _tell(self, state: Incarnation, draft: EventDraft) -> None:
        if not state.namespace_goes:
            self._services.record(Record(state.owner, draft))


def _earliest(*waits: tuple[float | None, str]) -> Result:
    due = [(seconds, why) for seconds, why in waits if seconds is not None]
    return RequeueAfter(*min(due)) if due else Done()
