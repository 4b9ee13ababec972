"""Rulesfile, Plugin and Config on the operator's side: one actor for each.

One reconcile: what the artifact refers to is resolved to a revision that all nodes install, what
the nodes report of it is summed up, and both become the status. No content is kept here.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import DecodeError

from actors.api.errors import ApiError
from actors.artifact.reference_versions import Lookout
from actors.artifact.resolver import Resolver
from actors.runtime.actor import Actor
from actors.runtime.results import Done, RequeueAfter, Result, Retire
from actors.watch.view import View
from actors.write.parking import tell_parked
from actors.write.recorder import Record
from actors.write.retry import Retry
from actors.write.writer import Writer
from resources.artifact.events import FleetContent, failures, installed, moved, successes
from resources.artifact.resolution import ResolutionFailure
from resources.artifact.rollout import Subject
from resources.artifact.sources import Artifact, Sources, decode, sources_of
from resources.artifact.status import (
    FIELD_MANAGER,
    INVALID,
    Observed,
    fields,
    go_finalizers,
    is_programmed,
    only_counts_differ,
    parked_status,
    status,
    status_of,
)
from resources.kubernetes.finalizer import remove_finalizers
from resources.kubernetes.invalid_spec import InvalidSpec
from resources.kubernetes.kinds import OBSERVED
from resources.kubernetes.reference import Owner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from actors.api.client import Client
    from actors.artifact.reference_reader import Referents
    from actors.artifact.reference_versions import Metadata
    from actors.artifact.report_index import ReportIndex
    from actors.artifact.tag_digests import TagDigests
    from actors.runtime.context import Runtime
    from actors.runtime.reason import Reasons
    from actors.watch.store import Snapshot, Store
    from resources.artifact.fields import ArtifactStatus
    from resources.kubernetes.event import EventDraft
    from resources.kubernetes.reference import ObjectRef

_log = logging.getLogger(__name__)
# Seconds between two writes of a status in which nothing but counts has changed.
_COUNTS_PERIOD = 2.0
_NEXT_COUNTS = "the next status write for counts"
_COUNTING = frozenset(OBSERVED)


@dataclass(frozen=True, slots=True)
class ArtifactServices:
    """What the actors of artifacts work with, shared by all of them."""

    client: Client
    store: Store
    record: Callable[[Record], None]
    metadata: Metadata
    referents: Referents
    digests: TagDigests
    reports: ReportIndex


@dataclass(slots=True)
class _Life:
    """What is known of one incarnation of the artifact; may be lost at any time."""

    owner: Owner
    writer: Writer
    resolver: Resolver
    retry: Retry
    status_at: float = float("-inf")
    outlook: str = ""
    """When the status was written."""
    told: FleetContent | None = None
    is_told_known: bool = False

    @property
    def calls(self) -> int:
        return self.writer.calls + self.resolver.lookout.reads


class _Look(NamedTuple):
    """What one look at the artifact came to; without `read` its spec cannot be carried out."""

    observed: Observed
    read: tuple[Artifact, Sources] | None = None
    waits: bool = False


class ArtifactActor(Actor):
    """Publishes what all nodes are to install of one artifact, and says what became of it.

    Owns nothing but the status; nodes never write it.
    """

    def __init__(self, runtime: Runtime, ref: ObjectRef, services: ArtifactServices) -> None:
        super().__init__(runtime)
        self.kind = ref.kind
        self.ref = ref
        self._services = services
        self._life: _Life | None = None

    async def on_reconcile(self, reasons: Reasons) -> Result:
        """Bring the status to what is, whatever it was that changed."""
        view = self._life.writer.view if self._life else View(self._services.store)
        snapshot = view.get(self.ref)
        if snapshot is None:
            self._let_go()
            return Retire()
        life = self._life_of(snapshot, view)
        wait = self._wait_for_counts(life, reasons)
        if wait is not None:
            return RequeueAfter(wait, _NEXT_COUNTS)
        before = life.calls
        try:
            result = await self._step(life, snapshot)
        except ApiError as error:
            return self._after(life, error)
        finally:
            self.calls = life.calls - before
        life.retry.reset()
        return result

    async def tell_parked(self, error: BaseException) -> None:
        """Say in the status that the actor has crashed too often; returns once that is so."""
        moment, kind = self.runtime.clock.now, type(error).__name__

        def parked(now: Snapshot) -> dict[str, Any]:
            before, generation = status_of(now.raw), now.meta.generation
            return fields(parked_status(before, kind, str(error), generation, moment()))

        writer = Writer(self._services.client, View(self._services.store), FIELD_MANAGER)
        await tell_parked(self.runtime, writer, self.ref, parked)

    def describe(self) -> dict[str, Any]:
        """Which incarnation and how many tries, for the actor dump."""
        mine: dict[str, Any] = {"object": str(self.ref)}
        if self._life is not None:
            mine |= {"uid": self._life.owner.uid, "tries": self._life.retry.tries}
        return {**super().describe(), **mine}

    def _life_of(self, snapshot: Snapshot, view: View) -> _Life:
        """What is known of this incarnation; nothing yet, if it is another one."""
        owner = Owner(self.ref, snapshot.meta.uid or "")
        if self._life is None or self._life.owner != owner:
            services = self._services
            lookout = Lookout(services.referents, services.metadata, self.runtime.clock)
            self._life = _Life(
                owner,
                Writer(services.client, view, FIELD_MANAGER),
                Resolver(self.ref, lookout, services.digests),
                Retry(self.runtime.random),
            )
        return self._life

    def _wait_for_counts(self, life: _Life, reasons: Reasons) -> float | None:
        """Seconds until it is worth to look at mere counts again; None if there may be more to it.

        A thousand nodes that report within seconds are thus not a thousand looks at everything.
        """
        since = self.runtime.clock.monotonic() - life.status_at
        is_counting = all(reason.kind in _COUNTING for reason in reasons)
        if since >= _COUNTS_PERIOD or not is_counting:
            return None
        is_same = self._services.reports.outlook(self.ref) == life.outlook
        return _COUNTS_PERIOD - since if is_same else None

    def _let_go(self) -> None:
        """Nobody is to tell of anything about this artifact any more."""
        self._services.digests.forget(self.ref)
        self._services.reports.forget(self.ref)

    async def _step(self, life: _Life, snapshot: Snapshot) -> Result:
        left_behind = go_finalizers(snapshot.meta)
        if left_behind:
            await life.writer.patch(self.ref, remove_finalizers(snapshot.meta, left_behind))
            snapshot = life.writer.view.get(self.ref) or snapshot
        if snapshot.meta.deletion_timestamp is not None:
            self._let_go()
            return Done()
        before = status_of(snapshot.raw)
        look = await self._look(life, snapshot, before)
        waits = [(life.resolver.lookout.next_look(), "the next look at a referenced object")]
        if not look.waits:
            counts = await self._report(life, snapshot, before, look)
            waits.append((counts, _NEXT_COUNTS))
        due = [(seconds, why) for seconds, why in waits if seconds is not None]
        return RequeueAfter(*min(due)) if due else Done()

    async def _look(self, life: _Life, snapshot: Snapshot, before: ArtifactStatus) -> _Look:
        try:
            artifact = decode(self.ref.kind, snapshot.raw)
            sources = sources_of(artifact)
        except (DecodeError, InvalidSpec) as error:
            life.resolver.forget()
            total = self._services.reports.sum(self.ref, Subject(life.owner.uid, ""))
            return _Look(Observed(total, trouble=ResolutionFailure("False", INVALID, str(error))))
        generation = snapshot.meta.generation or 0
        found = await life.resolver.resolve(generation, before.resolved, sources)
        revision = found.resolved.revision if found.resolved is not None else None
        subject = Subject(life.owner.uid, revision or "", artifact.spec.selector)
        total = self._services.reports.sum(self.ref, subject)
        observed = Observed(total, found.resolved, found.missing, found.trouble)
        return _Look(observed, (artifact, sources), found.waits)

    async def _report(
        self, life: _Life, snapshot: Snapshot, before: ArtifactStatus, look: _Look
    ) -> float | None:
        """Apply the status, then record the Events: a status that is refused is tried again whole.

        Returns in how many seconds to come back for mere counts.
        """
        self._recall(life, snapshot, before, look)
        now = self.runtime.clock.monotonic()
        after = status(before, look.observed, snapshot.meta.generation, self.runtime.clock.now())
        if after == before:
            return None
        since = now - life.status_at
        if only_counts_differ(after, before) and since < _COUNTS_PERIOD:
            return _COUNTS_PERIOD - since
        await life.writer.apply_status(snapshot, fields(after))
        life.status_at, life.outlook = now, self._services.reports.outlook(self.ref)
        for draft in self._events(life, before, after, look):
            self._services.record(Record(life.owner, draft))
        return None

    def _recall(self, life: _Life, snapshot: Snapshot, before: ArtifactStatus, look: _Look) -> None:
        """What an earlier life has told of, as far as the status shows it."""
        if life.is_told_known or look.read is None:
            return
        life.is_told_known = True
        if not is_programmed(before) or before.resolved is None:
            return
        life.told = FleetContent(before.resolved.revision or "")
        if before.resolved.observed_generation == snapshot.meta.generation:
            life.told = installed(*look.read, before.resolved)

    def _events(
        self, life: _Life, before: ArtifactStatus, after: ArtifactStatus, look: _Look
    ) -> Iterable[EventDraft]:
        yield from failures(before, after, look.observed.trouble)
        if look.read is None or after.resolved is None:
            return
        yield from moved(look.read[1], before, after)
        now = installed(*look.read, after.resolved)
        if is_programmed(after) and (life.told is None or life.told.revision != now.revision):
            yield from successes(life.told, now, look.observed.sum.programmed)
            life.told = now

    def _after(self, life: _Life, error: ApiError) -> Result:
        """What follows an error that ended the reconcile."""
        wait = life.retry.after([error])
        level = logging.INFO if wait is not None else logging.WARNING
        _log.log(level, "%s", error, extra={"object": str(self.ref)})
        wait = life.retry.after_refusal(error) if wait is None else wait
        return RequeueAfter(wait, f"retry after {type(error).__name__}")
