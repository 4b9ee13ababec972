"""The operator's actor of one Rulesfile, Plugin or Config.

One reconcile resolves what the artifact refers to into a revision, which all nodes install, sums up
what the nodes report of that revision, and writes both into the status. No content is kept here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import DecodeError

from actors.artifact.reference_versions import ReferenceVersions
from actors.artifact.tag_digests import NO_ANSWER, TagDigests, query_of
from actors.runtime.results import Done, RequeueAfter, Result, Retire
from actors.write.recorder import Record
from actors.write.writing_actor import (
    NEXT_COUNTS,
    Incarnation,
    WritingActor,
    WritingServices,
    at_earliest,
)
from resources.artifact.events import (
    FleetContent,
    failures,
    installed,
    moved,
    refused,
    successes,
)
from resources.artifact.fields import SUMMARIES
from resources.artifact.reasons import INVALID
from resources.artifact.references import Missing, Present, Role, Unknown
from resources.artifact.resolution import (
    ResolutionFailure,
    TagAnswer,
    candidate,
    published_of,
    resolve,
)
from resources.artifact.rollout import Subject
from resources.artifact.sources import Artifact, Sources, decode, sources_of
from resources.artifact.status import (
    COUNTS,
    FIELD_MANAGER,
    Observed,
    fields,
    go_finalizers,
    is_programmed,
    parked_status,
    status,
    status_of,
)
from resources.kubernetes.finalizer import remove_finalizers
from resources.kubernetes.invalid_spec import InvalidSpec
from resources.kubernetes.kinds import OBSERVED
from resources.registry.route import is_cached
from resources.signatures.standing import UNASKED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from actors.artifact.reference_reader import ReferenceReader
    from actors.artifact.reference_versions import Metadata
    from actors.artifact.report_index import ReportIndex
    from actors.artifact.signature_standing import Signatures
    from actors.runtime.context import Runtime
    from actors.runtime.reason import Reasons
    from actors.watch.store import Snapshot
    from actors.write.retry import Retry
    from actors.write.writer import Writer
    from resources.artifact.fields import ArtifactStatus, Resolved
    from resources.artifact.references import ReferenceState
    from resources.artifact.resolution import Resolution
    from resources.kubernetes.event import EventDraft
    from resources.kubernetes.reference import ObjectRef, Owner
    from resources.signatures.standing import Standing

# Reasons after which only counts may have changed.
_COUNTING = frozenset(OBSERVED)
# Seconds between two status writes for counts: at least, and for each pod of the namespace.
_COUNTS_PERIOD, _COUNTS_PERIOD_A_POD = 2.0, 0.01


@dataclass(frozen=True, slots=True)
class ArtifactServices(WritingServices):
    """What the actors of artifacts work with; shared by all of them."""

    metadata: Metadata
    reader: ReferenceReader
    digests: TagDigests
    reports: ReportIndex
    signatures: Signatures


@dataclass(slots=True)
class ArtifactIncarnation(Incarnation):
    """What one actor remembers of its artifact under one uid."""

    references: ReferenceVersions
    outlook: str = ""
    """The outlook of the reports when the status was written."""
    announced: FleetContent | None = None
    """The content whose installation on all nodes was last reported by an Event."""
    is_announced_known: bool = False
    """Whether `announced` has been taken from the status of an earlier actor."""


class _Observation(NamedTuple):
    """What one reconcile has observed; `spec` is None if the spec cannot be carried out.

    `waits`: the next reconcile will most likely observe more, so this one writes no status.
    """

    observed: Observed
    spec: tuple[Artifact, Sources] | None = None
    waits: bool = False


class ArtifactActor(WritingActor[ArtifactIncarnation, ArtifactServices]):
    """Publishes the revision of one artifact that all nodes install, and the nodes' progress.

    The status is all that it writes; no node ever writes it.
    """

    counts = COUNTS

    def __init__(self, runtime: Runtime, ref: ObjectRef, services: ArtifactServices) -> None:
        super().__init__(runtime, ref, services, FIELD_MANAGER)

    @property
    def counts_period(self) -> float:
        """Longer the more pods there are: each of them is sent every write of the status."""
        pods = self._services.reports.pods(self.ref.namespace)
        return max(_COUNTS_PERIOD, pods * _COUNTS_PERIOD_A_POD)

    def _begin(self, owner: Owner, writer: Writer, retry: Retry) -> ArtifactIncarnation:
        services = self._services
        references = ReferenceVersions(services.reader, services.metadata, self.runtime.clock)
        return ArtifactIncarnation(owner, writer, retry, references)

    def _parked_status(self, snapshot: Snapshot, error: str, message: str) -> dict[str, Any]:
        before, generation = status_of(snapshot.raw), snapshot.meta.generation
        return fields(parked_status(before, error, message, generation, self.runtime.clock.now()))

    async def _step(
        self, state: ArtifactIncarnation, snapshot: Snapshot | None, reasons: Reasons
    ) -> Result:
        if snapshot is None:
            self._forget()
            return Retire()
        wait = self._wait_for_counts(state, reasons)
        if wait is not None:
            return RequeueAfter(wait, NEXT_COUNTS)
        result = await self._publish(state, snapshot)
        state.retry.reset()
        return result

    def _wait_for_counts(self, state: ArtifactIncarnation, reasons: Reasons) -> float | None:
        """Seconds until mere counts may be written again; None if more may have changed.

        A thousand nodes that report within seconds thus do not cause a thousand full reconciles.
        """
        since, period = self.runtime.clock.monotonic() - state.status_at, self.counts_period
        is_counting = all(reason.kind in _COUNTING for reason in reasons)
        if since >= period or not is_counting:
            return None
        is_same = self._services.reports.outlook(self.ref) == state.outlook
        return period - since if is_same else None

    def _forget(self) -> None:
        """Remove the artifact from the shared indexes, so that they do not wake this actor."""
        self._services.digests.forget(self.ref)
        self._services.signatures.verdicts.forget(self.ref)
        self._services.reports.forget(self.ref)

    async def _publish(self, state: ArtifactIncarnation, snapshot: Snapshot) -> Result:
        left_behind = go_finalizers(snapshot.meta)
        if left_behind:
            await state.writer.patch(self.ref, remove_finalizers(snapshot.meta, left_behind))
            snapshot = state.view.get(self.ref) or snapshot
        if snapshot.meta.deletion_timestamp is not None:
            self._forget()
            return Done()
        before = status_of(snapshot.raw)
        observation = await self._observe(state, snapshot, before)
        next_read, counts_wait = state.references.next_read(), None
        if not observation.waits:
            counts_wait = await self._report(state, snapshot, before, observation)
        return at_earliest(
            (next_read, "the next reading of a referenced object"), (counts_wait, NEXT_COUNTS)
        )

    async def _observe(
        self, state: ArtifactIncarnation, snapshot: Snapshot, before: ArtifactStatus
    ) -> _Observation:
        summaries = SUMMARIES[self.ref.kind]
        try:
            artifact = decode(self.ref.kind, snapshot.raw)
            sources = sources_of(artifact, self._services.signatures.modes)
        except (DecodeError, InvalidSpec) as error:
            self._services.digests.forget(self.ref)
            self._services.signatures.verdicts.forget(self.ref)
            total = self._services.reports.sum(self.ref, Subject(state.owner.uid, ""))
            failure = ResolutionFailure("False", INVALID, str(error))
            return _Observation(Observed(total, summaries, trouble=failure))
        generation = snapshot.meta.generation or 0
        resolution, standing = await self._resolve(state, generation, before.resolved, sources)
        resolved = resolution.resolved
        revision = resolved.revision if resolved is not None else None
        subject = Subject(state.owner.uid, revision or "", artifact.spec.selector)
        total = self._services.reports.sum(self.ref, subject)
        observed = Observed(
            total, summaries, resolved, resolution.missing, resolution.trouble, standing
        )
        return _Observation(observed, (artifact, sources), resolution.waits)

    async def _resolve(
        self,
        state: ArtifactIncarnation,
        generation: int,
        published: Resolved | None,
        sources: Sources,
    ) -> tuple[Resolution, Standing | None]:
        """What is to be published of this generation, and what of signatures; raises ApiError."""
        before, namespace = published_of(generation, published), self.ref.namespace
        states = await state.references.states(namespace, sources, before)
        trusted = await state.references.trusted(namespace, sources)
        answer = self._digest(sources, states, is_published=bool(before.oci_digest))
        standing = self._services.signatures.standing(
            self.ref, sources, candidate(sources, before, answer), published, states, trusted
        )
        found = resolve(generation, published, sources, states, answer, standing or UNASKED)
        return found, standing

    def _digest(
        self, sources: Sources, states: Mapping[Role, ReferenceState], *, is_published: bool
    ) -> TagAnswer:
        """The digest of the tag as far as it is known.

        The registry is asked once the Secret and the CA that this takes are present. Nodes that
        have a published digest can wait for the next poll. What is pinned to a digest is known,
        but for the time that a cache has to fetch it.
        """
        oci, digests = sources.oci, self._services.digests
        registries = self._services.reader.registries
        needed = states.get(Role.SECRET), states.get(Role.CA)
        is_missing = any(isinstance(state, Missing) for state in needed)
        if oci is None:
            digests.forget(self.ref)
            return NO_ANSWER
        is_to_ask = not oci.is_pinned or is_cached(registries.table, oci.registry, oci.repository)
        if is_missing or not is_to_ask:
            digests.forget(self.ref)
            return TagAnswer(oci.reference) if oci.is_pinned else NO_ANSWER
        if any(isinstance(state, Unknown) for state in needed):
            return NO_ANSWER
        secret_version, ca_version = (
            state.version if isinstance(state, Present) else "" for state in needed
        )
        route = registries.route(oci.registry, oci.repository, plain_http=oci.plain_http)
        query = query_of(oci, self.ref.namespace, secret_version, ca_version, route)
        return digests.ask(self.ref, query, oci.poll_seconds, in_hurry=not is_published)

    async def _report(
        self,
        state: ArtifactIncarnation,
        snapshot: Snapshot,
        before: ArtifactStatus,
        observation: _Observation,
    ) -> float | None:
        """Write the status, then record Events; a status that is refused brings its Events later.

        Returns the seconds until mere counts may be written.
        """
        self._recall(state, snapshot, before, observation)
        now, generation = self.runtime.clock.now(), snapshot.meta.generation
        after = status(before, observation.observed, generation, now)
        if after == before:
            return None
        wait = await self._write_status(state, snapshot, fields(before), fields(after))
        if wait is not None:
            return wait
        state.outlook = self._services.reports.outlook(self.ref)
        for draft in self._events(state, before, after, observation):
            self._services.record(Record(state.owner, draft))
        return None

    def _recall(
        self,
        state: ArtifactIncarnation,
        snapshot: Snapshot,
        before: ArtifactStatus,
        observation: _Observation,
    ) -> None:
        """Conclude from the status which installation an earlier actor has announced."""
        if state.is_announced_known or observation.spec is None:
            return
        state.is_announced_known = True
        if not is_programmed(before) or before.resolved is None:
            return
        state.announced = FleetContent(before.resolved.revision or "")
        if before.resolved.observed_generation == snapshot.meta.generation:
            state.announced = installed(*observation.spec, before.resolved)

    def _events(
        self,
        state: ArtifactIncarnation,
        before: ArtifactStatus,
        after: ArtifactStatus,
        observation: _Observation,
    ) -> Iterable[EventDraft]:
        yield from failures(before, after, observation.observed.trouble)
        yield from refused(before, after)
        if observation.spec is None or after.resolved is None:
            return
        yield from moved(observation.spec[1], before, after)
        now, announced = installed(*observation.spec, after.resolved), state.announced
        if is_programmed(after) and (announced is None or announced.revision != now.revision):
            yield from successes(announced, now, observation.observed.sum.programmed)
            state.announced = now
