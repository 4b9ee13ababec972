"""Artifacts on a node: one actor for every Rulesfile, Plugin and Config of the namespace."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import DecodeError
from msgspec.structs import replace

from actors.runtime.activity import decide
from actors.runtime.actor import Actor
from actors.runtime.mail import Reconcile
from actors.runtime.reason import Cause, Reason
from actors.runtime.results import Done, RequeueAfter, Result, Retire
from actors.watch.router import Notice, reason_of, resource_changed
from resources.artifact.fields import Validation, validation_of
from resources.artifact.medium import Medium
from resources.artifact.plugin import Plugin
from resources.artifact.reasons import INVALID
from resources.artifact.revision import pinned
from resources.artifact.sources import Artifact, Sources, decode, sources_of
from resources.artifact.status import installable_json, resolved_json
from resources.kubernetes.invalid_spec import InvalidSpec
from resources.kubernetes.kinds import ARTIFACTS
from resources.kubernetes.meta import trial_of
from resources.kubernetes.selector import selects
from resources.node.artifact import NodeArtifact, SourceState, Trouble
from resources.node.files import file_name, library_name
from resources.node.plugin_entries import entry_of, entry_problem
from resources.node.pulling_pods import covered_pods, pulling_pods
from resources.node.slots import Content, SlotVersion
from resources.registry.limits import FILL_SECONDS
from resources.registry.route import is_cached
from sidecar.node.fetcher import origin_of_config_map, origin_of_inline
from sidecar.node.fetches import Fetches, Job

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from actors.runtime.context import Runtime
    from actors.runtime.reason import Reasons
    from actors.watch.store import Change, Snapshot, Store
    from resources.artifact.fields import Resolved
    from resources.kubernetes.reference import ObjectRef
    from resources.signatures.demand import DefaultModes
    from sidecar.node.fetcher import Fetcher
    from sidecar.node.state import NodeState

_log = logging.getLogger(__name__)
# Seconds that the operator may take to resolve a new generation, beside those in which a cache
# fetches it; after that it seems to be away.
_RESOLVING = 10.0


@dataclass(frozen=True, slots=True)
class NodeServices:
    """What an artifact's actor works with; `labels` gives the current labels of the node.

    `validation` is the mode of artifacts that name none, and `modes`
    say how strict an artifact is whose resource does not say so.
    """

    store: Store
    state: NodeState
    fetcher: Fetcher
    labels: Callable[[], Mapping[str, str]]
    validation: Validation
    modes: DefaultModes


class NodeArtifactActor(Actor):
    """Fetches the content of one artifact and puts its state into the `NodeState`.

    Fetches run beside the mail: a changed spec does not wait for a slow registry.
    """

    def __init__(self, runtime: Runtime, ref: ObjectRef, services: NodeServices) -> None:
        super().__init__(runtime)
        self.kind = ref.kind
        self.ref = ref
        self._services = services
        self._fetches = Fetches(runtime, self._fetched)
        self._waits_for: tuple[str | None, int | None] | None = None
        self._waits_until = math.inf

    async def on_reconcile(self, reasons: Reasons) -> Result:
        """Start the fetches that are due, take in those that ended, and put the state."""
        if reasons.have(Cause.LOST):
            self._fetches.cancel_all_but(())
        snapshot = self._services.store.get(self.ref)
        if snapshot is None:
            self._fetches.cancel_all_but(())
            self._services.state.drop(self.ref)
            decide("wants nothing any more, for the artifact is gone")
            return Retire()
        # One moment for all that depends on it: a timer that is due may say so a moment too early.
        now = self.runtime.clock.monotonic()
        artifact = self._look(snapshot, now)
        for line in artifact.in_words():
            decide(line)
        self._services.state.put(self.ref, artifact)
        due = self._fetches.due
        why = "the next try of a fetch"
        if artifact.is_coming and now < self._waits_until < due:
            due, why = self._waits_until, "the operator's resolution of a reference"
        return Done() if due == math.inf else RequeueAfter(max(due - now, 0.0), why)

    def tell_parked(self, error: BaseException) -> None:
        """Report that the actor has crashed too often; what is installed stays."""
        snapshot = self._services.store.get(self.ref)
        if snapshot is not None:
            trouble = Trouble("ActorParked", f"{type(error).__name__}: {error}")
            revision = _revision_of(self.ref.kind, snapshot, self._services.modes)
            artifact = self._artifact(snapshot, revision, trouble=trouble)
            self._services.state.put(self.ref, artifact)

    def describe(self) -> dict[str, Any]:
        """Add the object and the fetches, for the actor dump."""
        return {**super().describe(), "object": str(self.ref), "fetches": self.fetches}

    @property
    def fetches(self) -> dict[str, Any]:
        """What is fetched for the artifact and what failed, by medium."""
        return self._fetches.describe()

    def _look(self, snapshot: Snapshot, now: float) -> NodeArtifact:
        """The artifact as of now; the fetches are advanced on the way."""
        try:
            resource = decode(self.ref.kind, snapshot.raw)
            sources = sources_of(resource, self._services.modes)
        except (DecodeError, InvalidSpec) as error:
            return self._unfetched(snapshot, trouble=Trouble(INVALID, str(error)))
        revision, resolved = pinned(resource, sources)
        if not selects(resource.spec.selector, self._services.labels()):
            return self._unfetched(snapshot, revision or "", selected=False)
        if revision is None:
            return self._unfetched(
                snapshot, is_coming=self._may_be_resolved(snapshot, sources, now)
            )
        if isinstance(resource, Plugin) and (problem := entry_problem(resource)):
            return self._unfetched(snapshot, revision, trouble=Trouble(INVALID, problem))
        if self._may_be_cached(snapshot, resource, sources, now):
            resolved = replace(resolved, oci_digest=None)
        jobs = self._jobs(sources, resolved, revision)
        self._fetches.cancel_all_but(jobs)
        states = {
            medium: self._source_state(medium, jobs[medium], resource, snapshot) for medium in jobs
        }
        is_coming = self._fetches.is_coming
        if sources.oci is not None and Medium.OCI not in jobs:
            states[Medium.OCI] = None  # it has no digest yet: what is installed stays
            is_coming = self._may_be_resolved(snapshot, sources, now)
        if isinstance(resource, Plugin) and sources.oci is None:
            states[Medium.INLINE] = self._version(resource, snapshot, Medium.INLINE, None)
        warnings = (sources.inline.warning,) if sources.inline and sources.inline.warning else ()
        artifact = self._artifact(snapshot, revision, sources=states, is_coming=is_coming)
        return artifact._replace(warnings=warnings)

    def _may_be_cached(
        self, snapshot: Snapshot, resource: Artifact, sources: Sources, now: float
    ) -> bool:
        """Whether the operator may still have a cache fetch the digest that the resource names."""
        oci, published = sources.oci, resource.status.resolved
        table = self._services.fetcher.registries.table
        if oci is None or sources.needs_resolving:
            return False
        if not is_cached(table, oci.registry, oci.repository):
            return False
        if published is not None and published.oci_digest == oci.reference:
            return False
        installed = self._services.state.installed.get(self._artifact(snapshot).slot(Medium.OCI))
        content = installed.content if installed is not None else None
        if content is not None and content.origin == f"oci:{oci.reference}":
            return False
        return self._may_be_resolved(snapshot, sources, now)

    def _may_be_resolved(self, snapshot: Snapshot, sources: Sources, now: float) -> bool:
        """Whether the operator may still be about to resolve this generation."""
        waits_for = snapshot.meta.uid, snapshot.meta.generation
        if waits_for != self._waits_for:
            oci, seconds = sources.oci, _RESOLVING
            if oci is not None:
                table = self._services.fetcher.registries.table
                seconds += FILL_SECONDS * is_cached(table, oci.registry, oci.repository)
            self._waits_for, self._waits_until = waits_for, now + seconds
        return now < self._waits_until

    def _unfetched(self, snapshot: Snapshot, revision: str = "", **fields: Any) -> NodeArtifact:
        """The artifact while nothing is to be fetched for it; its fetches are cancelled."""
        self._fetches.cancel_all_but(())
        return self._artifact(snapshot, revision, **fields)

    def _artifact(
        self,
        snapshot: Snapshot,
        revision: str = "",
        *,
        selected: bool = True,
        sources: Mapping[Medium, SourceState] | None = None,
        trouble: Trouble | None = None,
        is_coming: bool = False,
    ) -> NodeArtifact:
        uid, (kind, _, name) = snapshot.meta.uid or "", self.ref
        mode = validation_of(snapshot.raw, self._services.validation)
        artifact = NodeArtifact(kind, name, uid, revision, selected, sources, trouble, is_coming)
        return artifact._replace(validation=mode)

    def _jobs(self, sources: Sources, resolved: Resolved, revision: str) -> dict[Medium, Job]:
        """The jobs that fetch the content of all sources; their keys name what they fetch."""
        fetcher, kind = self._services.fetcher, self.ref.kind
        jobs: dict[Medium, Job] = {}
        if sources.oci is not None and resolved.oci_digest:
            digest = resolved.oci_digest
            fetch = partial(fetcher.oci, kind, sources.oci, digest, self._pulling_pods)
            key = (sources.oci, digest, revision, fetcher.registries.digest)
            jobs[Medium.OCI] = Job(key, f"oci:{digest}", fetch)
        if sources.config_map is not None:
            version = resolved.config_map_resource_version
            origin = origin_of_config_map(sources.config_map.name, version)
            read = partial(fetcher.config_map, kind, sources.config_map)
            jobs[Medium.CONFIG_MAP] = Job((origin, revision), origin, read)
        if sources.inline is not None:
            origin = origin_of_inline(sources.inline)
            fetch = partial(fetcher.inline, kind, sources.inline, origin)
            jobs[Medium.INLINE] = Job((origin,), origin, fetch)
        return jobs

    def _pulling_pods(self) -> int | None:
        """How many pods pull the same now; None as long as that is not known.

        Until the operator has counted the pods of a new artifact, others tell how many there are.
        """
        store = self._services.store
        snapshot = store.get(self.ref)
        if snapshot is not None and (pods := pulling_pods(snapshot.raw)) is not None:
            return pods
        counts = (covered_pods(other.raw) for kind in ARTIFACTS for other in store.of_kind(kind))
        return max((count for count in counts if count is not None), default=None)

    def _source_state(
        self, medium: Medium, job: Job, resource: Artifact, snapshot: Snapshot
    ) -> SourceState:
        slot = self._artifact(snapshot).slot(medium)
        installed = self._services.state.installed.get(slot)
        result = self._fetches.advance(medium, job, installed.content if installed else None)
        if isinstance(result, Content):
            return self._version(resource, snapshot, medium, result)
        return result

    def _version(
        self, resource: Artifact, snapshot: Snapshot, medium: Medium, content: Content | None
    ) -> SlotVersion:
        """The version of a slot that results from this resource and content."""
        created = snapshot.meta.creation_timestamp or ""
        if isinstance(resource, Plugin):
            dependencies = content.dependencies if content is not None else ()
            entry = entry_of(resource, self.ref.name, dependencies)
            return SlotVersion(library_name(self.ref.name), created, content, entry)
        name = file_name(resource.spec.priority, medium, self.ref.name)
        return SlotVersion(name, created, content)

    def _fetched(self) -> None:
        self.actor_inbox.post(Reconcile(Reason(Cause.FETCHED)))

    async def _release(self) -> None:
        self._fetches.cancel_all_but(())


def artifact_changed(change: Change) -> Notice:
    """The handler of artifacts: counts and conditions, which each rollout writes, wake no actor."""
    return resource_changed(change) if _is_other(change) else Notice((), reason_of(change))


def _is_other(change: Change) -> bool:
    """Whether anything changed on which a node acts."""
    before, after = change.before, change.after
    if before is None or after is None or trial_of(before.meta) != trial_of(after.meta):
        return True
    content = installable_json(after.raw)
    return content is None or content != installable_json(before.raw)


def version_of(snapshot: Snapshot) -> Hashable:
    """All of an artifact that decides what a node installs; no other write of the status is."""
    return trial_of(snapshot.meta), resolved_json(snapshot.raw)


def _revision_of(kind: str, snapshot: Snapshot, modes: DefaultModes) -> str:
    """The revision that a node is to install.

    Empty if the spec is invalid or not resolved, or if it is the decoding that crashes.
    """
    try:
        resource = decode(kind, snapshot.raw)
        return pinned(resource, sources_of(resource, modes))[0] or ""
    except Exception as error:  # noqa: BLE001 # whatever the actor has crashed with
        if not isinstance(error, DecodeError | InvalidSpec):
            _log.exception("the artifact cannot be decoded", extra={"object": str(snapshot.ref)})
        return ""
