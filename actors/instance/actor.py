"""The actor of one Falco or Component; what differs between the kinds is in `kinds.py`.

One reconcile writes the finalizer and the children in waves, then the status, then the Events.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from actors.api.errors import ApiError, NamespaceTerminating, NotFound, Refused
from actors.instance.pod_failures import PodFailures
from actors.runtime.reason import Cause
from actors.runtime.results import Blocked, Done, RequeueAfter, Result, Retire
from actors.write.applier import Applier
from actors.write.children import Attempt, Children
from actors.write.errors import Leaving
from actors.write.recorder import Record
from actors.write.writing_actor import (
    NEXT_COUNTS,
    Incarnation,
    WritingActor,
    WritingServices,
    at_earliest,
)
from resources.instance.children import cluster_scoped, unwanted
from resources.instance.outcome import (
    INVALID,
    PAUSED,
    Failure,
    Outcome,
    deletion_failed,
    events,
    instance_deleted,
)
from resources.instance.reconcile_mode import ANNOTATION, Mode, mode_of
from resources.instance.status import COUNTS, Instance, observed_status, parked_status, status_of
from resources.kubernetes.conditions import RECONCILED, condition
from resources.kubernetes.finalizer import add_finalizer, remove_finalizer
from resources.kubernetes.invalid_spec import InvalidSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actors.instance.kinds import InstanceKind
    from actors.runtime.context import Runtime
    from actors.runtime.reason import Reasons
    from actors.watch.store import Snapshot
    from actors.write.retry import Retry
    from actors.write.writer import Writer
    from resources.falco.desired import FalcoSettings
    from resources.falco.rights import Readable
    from resources.instance.children import Child
    from resources.kubernetes.event import EventDraft
    from resources.kubernetes.reference import ObjectRef, Owner

# An actor whose resource is gone ends once it is told so, or after this many seconds: the
# DELETED event may still arrive, and if the actor had ended, the event would start an empty one.
_LAST_DELAY = 1.0
# Seconds until a deleted child that a foreign finalizer still holds is read again: no event may
# tell when that finalizer is removed.
_LEAVING_DELAY = 30.0
_LEAVING = "a cluster-scoped child that is still being deleted"
_RETRY = "retry after a failed request"
_UNAVAILABLE = "a look at pods that are not updated or not available"

R = TypeVar("R", bound=Instance)


@dataclass(frozen=True, slots=True)
class InstanceServices(WritingServices):
    """What the actors of Falcos and Components work with; shared by all of them."""

    drift_corrected: Callable[[str], None]
    """Called with the kind of each child that was corrected."""


@dataclass(slots=True)
class InstanceIncarnation(Incarnation):
    """What one actor remembers of its Falco or Component under one uid."""

    applier: Applier
    children: Children
    pod_failures: PodFailures
    cleaned: bool = False
    """Whether every cluster-scoped child was found to be gone."""
    namespace_goes: bool = False
    """Found when a child was to be created there; then no Event can be created either."""
    deletion_error: str = ""
    """The last refusal of a deletion of which an Event was recorded."""
    unreported: Attempt | None = None
    """What was done to children and is not in the status yet."""


class InstanceActor(WritingActor[InstanceIncarnation, InstanceServices], Generic[R]):
    """Keeps the children and the status of one Falco or Component as its spec wants them.

    `readable` returns the names of the Secrets and ConfigMaps that the artifacts of a namespace
    refer to.
    """

    counts = COUNTS
    counts_period = 1.0

    def __init__(
        self,
        runtime: Runtime,
        ref: ObjectRef,
        instance_kind: InstanceKind[R],
        services: InstanceServices,
        settings: Callable[[], FalcoSettings],
        readable: Callable[[str], Readable],
    ) -> None:
        super().__init__(runtime, ref, services, instance_kind.field_manager)
        self._instance_kind = instance_kind
        self._settings = settings
        self._readable = readable

    def describe(self) -> dict[str, Any]:
        """Add the children whose requests are held back, for the actor dump."""
        described = super().describe()
        if self._incarnation is not None:
            described["held"] = self._incarnation.children.describe()
        return described

    def _begin(self, owner: Owner, writer: Writer, retry: Retry) -> InstanceIncarnation:
        applier = Applier(writer, owner, self.runtime.clock)
        drift_corrected = self._services.drift_corrected
        children = Children(self.runtime, applier, writer.view, drift_corrected)
        failures = PodFailures(self._services.client, self.runtime.clock, owner.ref)
        return InstanceIncarnation(owner, writer, retry, applier, children, failures)

    def _parked_status(self, snapshot: Snapshot, error: str, message: str) -> dict[str, Any]:
        before, generation = status_of(snapshot.raw), snapshot.meta.generation
        return parked_status(before, error, message, generation, self.runtime.clock.now())

    async def _step(
        self, state: InstanceIncarnation, snapshot: Snapshot | None, reasons: Reasons
    ) -> Result:
        if snapshot is None:
            return await self._gone(state, reasons)
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
            failures = state.children.inspect(children).failures.values()
            return await self._stand_still(state, resource, *failures)
        return await self._write(state, snapshot, resource, children)

    def _desired(self, resource: R) -> tuple[Child, ...]:
        readable = self._readable(self.ref.namespace)
        return self._instance_kind.desired(resource, self._settings(), readable)

    async def _stand_still(
        self, state: InstanceIncarnation, resource: R, *failures: Failure
    ) -> Result:
        """Write the status and no child."""
        wait = await self._report(state, resource, Outcome(failures=failures))
        state.retry.reset()
        result = at_earliest((wait, NEXT_COUNTS), (state.pod_failures.next_time(), _UNAVAILABLE))
        is_done = isinstance(result, Done)
        return Blocked(failures[0].reason) if failures and is_done else result

    async def _write(
        self,
        state: InstanceIncarnation,
        snapshot: Snapshot,
        resource: R,
        children: tuple[Child, ...],
    ) -> Result:
        attempt = state.unreported.next() if state.unreported else Attempt()
        state.unreported = attempt
        own = partial(self._own, state, snapshot, children, attempt)
        await state.children.ensure(children, own, attempt)
        wanted = self._instance_kind.main_workload(resource)
        if self.ref._replace(kind=wanted.kind) in attempt.done:
            await self._prune(state, unwanted(self.ref, children), attempt)
        again = state.retry.after(attempt.errors)
        if again is not None and state.retry.is_quiet(attempt.errors):
            return RequeueAfter(again, _RETRY)
        if any(isinstance(error, NamespaceTerminating) for error in attempt.errors):
            state.namespace_goes = True
            await self._report_status(state, resource, attempt.outcome())
            return Blocked("NamespaceTerminating")
        outcome = replace(
            attempt.outcome(),
            unstored=state.applier.unstored(children),
            warnings=tuple(text for child in children for text in child.warnings),
        )
        wait = await self._report(state, resource, outcome)
        state.unreported = None
        if again is None:
            state.retry.reset()
        refused = attempt.refused(self.runtime.random)
        return at_earliest(
            (wait, NEXT_COUNTS),
            (again, _RETRY),
            (refused, "retry after a refused request"),
            (state.children.next_try(), "the next try of a held child"),
            (state.pod_failures.next_time(), _UNAVAILABLE),
        )

    async def _own(
        self,
        state: InstanceIncarnation,
        snapshot: Snapshot,
        children: tuple[Child, ...],
        attempt: Attempt,
    ) -> None:
        """Add the finalizer; without it no cluster-scoped child is made, for it removes them."""
        try:
            await state.writer.patch(
                self.ref, add_finalizer(snapshot.meta, self._instance_kind.finalizer)
            )
        except ApiError as error:
            attempt.failed(self.ref, error)
            attempt.blocked.update(child.ref for child in children if not child.ref.namespace)

    async def _prune(
        self, state: InstanceIncarnation, refs: Sequence[ObjectRef], attempt: Attempt
    ) -> None:
        """Delete children that are no longer wanted; the wanted workload exists by now."""
        for ref in refs:
            try:
                if await state.applier.prune(ref):
                    attempt.pruned.append(ref)
            except (ApiError, Leaving) as error:
                attempt.failed(ref, error)

    async def _report(
        self, state: InstanceIncarnation, resource: R, outcome: Outcome
    ) -> float | None:
        """Write the status, then record Events; a status that is refused brings its Events later.

        Returns the seconds until mere counts may be written.
        """
        wait = await self._report_status(state, resource, outcome)
        before = condition(resource.status.conditions, RECONCILED)
        for draft in events(outcome, before):
            self._tell(state, draft)
        return wait

    async def _report_status(
        self, state: InstanceIncarnation, resource: R, outcome: Outcome
    ) -> float | None:
        await state.writer.settle()
        wanted = self._instance_kind.main_workload(resource)
        workload = self.ref._replace(kind=wanted.kind)
        snapshot = state.view.get(workload) if state.applier.owns(workload) else None
        live = msgspec.json.decode(snapshot.raw) if snapshot else None
        why = await state.pod_failures.why(wanted.kind, live)
        newest = state.view.get(self.ref)
        if newest is None or newest.meta.uid != state.owner.uid:
            return None
        now = self.runtime.clock.now()
        status = observed_status(resource, outcome, wanted, live, now, why)
        current = msgspec.json.decode(newest.raw).get("status", {})
        return await self._write_status(state, newest, current, status)

    async def _finalize(self, state: InstanceIncarnation, snapshot: Snapshot) -> Result:
        """Remove the children that no garbage collector removes, then our finalizer."""
        if self._instance_kind.finalizer not in (snapshot.meta.finalizers or ()):
            return Done()
        if not await self._cleanup(state):
            return RequeueAfter(_LEAVING_DELAY, _LEAVING)
        release = remove_finalizer(snapshot.meta, self._instance_kind.finalizer)
        with suppress(NotFound):  # somebody else has removed the finalizer
            await state.writer.patch(self.ref, release)
        state.cleaned = True
        state.retry.reset()
        self._tell(state, instance_deleted(self.ref))
        return Done()

    async def _gone(self, state: InstanceIncarnation, reasons: Reasons) -> Result:
        """Clean up after a resource that is gone: a deletion may have overtaken our finalizer."""
        # A write whose answer was lost may arrive late, and make a child anew after the cleanup.
        if not state.cleaned or any(map(state.applier.owns, cluster_scoped(self.ref))):
            if not await self._cleanup(state):
                return RequeueAfter(_LEAVING_DELAY, _LEAVING)
            state.cleaned = True
        is_last = reasons.have(Cause.TIMER) or reasons.have(Cause.DELETED, kind=self.ref.kind)
        return Retire() if is_last else RequeueAfter(_LAST_DELAY, "the resource's DELETED event")

    async def _cleanup(self, state: InstanceIncarnation) -> bool:
        """Delete the cluster-scoped children; whether each is gone, or turned out to be foreign."""
        try:
            return all([await state.applier.remove(ref) for ref in cluster_scoped(self.ref)])
        except Refused as error:
            if state.deletion_error != error.message:
                state.deletion_error = error.message
                self._tell(state, deletion_failed(self.ref, error.message))
            raise

    def _tell(self, state: InstanceIncarnation, draft: EventDraft) -> None:
        if not state.namespace_goes:
            self._services.record(Record(state.owner, draft))
