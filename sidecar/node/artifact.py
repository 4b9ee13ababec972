"""Artifacts on a node: one actor for every Rulesfile, Plugin and Config of the namespace."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import DecodeError

from actors.runtime.actor import Actor
from actors.runtime.backoff import Backoff
from actors.runtime.mail import Reconcile
from actors.runtime.reason import Cause, Reason
from actors.runtime.results import Done, RequeueAfter, Result, Retire
from resources.artifact.plugin import Plugin
from resources.artifact.revision import pinned
from resources.artifact.sources import Artifact, Sources, decode, sources_of
from resources.kubernetes.invalid_spec import InvalidSpec
from resources.kubernetes.selector import selects
from resources.node.files import Medium, file_name, library_name
from resources.node.items import (
    INVALID,
    Content,
    Installed,
    Item,
    Part,
    Trouble,
    entry_of,
    trouble_of_entry,
)
from sidecar.node.fetcher import FetchFailed, origin_of_config_map, origin_of_inline

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Mapping

    from actors.runtime.context import Runtime
    from actors.runtime.reason import Reasons
    from actors.watch.store import Snapshot, Store
    from resources.artifact.fields import Resolved
    from resources.kubernetes.reference import ObjectRef
    from sidecar.node.fetcher import Fetcher
    from sidecar.node.state import Contents

# Seconds that it normally takes the operator, at most, to resolve what it has not seen before.
_RESOLVING = 10.0
_BACKOFF = Backoff(base=1.0, cap=300.0)
# Seconds until what was refused is tried again: a tag is pushed, an account unlocked, unseen by us.
_REFUSED = (60.0, 120.0, 300.0)


@dataclass(frozen=True, slots=True)
class NodeServices:
    """What an artifact's actor works with; `labels` are those of the node as of now."""

    store: Store
    contents: Contents
    fetcher: Fetcher
    labels: Callable[[], Mapping[str, str]]


class _Job(NamedTuple):
    """One source to be fetched; equal keys are the same job. `origin` is that of its content."""

    key: tuple[Any, ...]
    origin: str
    fetch: Callable[[], Awaitable[Content]]


@dataclass(slots=True)
class _Fetch:
    """How far one job has come."""

    key: tuple[Any, ...]
    task: asyncio.Task[Content] | None = None
    content: Content | None = None
    trouble: Trouble | None = None
    tries: int = 0
    due: float = math.inf


class NodeArtifactActor(Actor):
    """Sees to it that the content of one artifact is there, and says so in `Contents`.

    Fetching goes on beside the mail: a changed spec does not wait for a slow registry, and one
    source not for another.
    """

    def __init__(self, runtime: Runtime, ref: ObjectRef, services: NodeServices) -> None:
        super().__init__(runtime)
        self.kind = ref.kind
        self.ref = ref
        self._services = services
        self._fetches: dict[str, _Fetch] = {}
        self._waits_for: tuple[str | None, int | None] | None = None
        self._waits_until = math.inf

    async def on_reconcile(self, reasons: Reasons) -> Result:
        """Start what is to be fetched, take in what has come, and tell what is wanted."""
        if reasons.have(Cause.LOST):
            self._cancel_all_but(())
        snapshot = self._services.store.get(self.ref)
        if snapshot is None:
            self._cancel_all_but(())
            self._services.contents.drop(self.ref)
            return Retire()
        item = self._look(snapshot)
        self._services.contents.put(self.ref, item)
        now = self.runtime.clock.monotonic()
        due = min((fetch.due for fetch in self._fetches.values()), default=math.inf)
        why = "the next try of a fetch"
        if item.is_coming and now < self._waits_until < due:
            due, why = self._waits_until, "the operator's resolution of a reference"
        return Done() if due == math.inf else RequeueAfter(max(due - now, 0.0), why)

    def tell_parked(self, error: BaseException) -> None:
        """Say that the actor has crashed too often; what is installed stays."""
        snapshot = self._services.store.get(self.ref)
        if snapshot is not None:
            trouble = Trouble("ActorParked", f"{type(error).__name__}: {error}")
            item = self._item(snapshot, _revision_of(self.ref.kind, snapshot), trouble=trouble)
            self._services.contents.put(self.ref, item)

    def describe(self) -> dict[str, Any]:
        """What is fetched and what is in the way, for the actor dump."""
        fetches = {
            medium: {
                "running": fetch.task is not None,
                "tries": fetch.tries,
                "trouble": fetch.trouble and fetch.trouble.message,
            }
            for medium, fetch in self._fetches.items()
        }
        return {**super().describe(), "object": str(self.ref), "fetches": fetches}

    def _look(self, snapshot: Snapshot) -> Item:
        try:
            artifact = decode(self.ref.kind, snapshot.raw)
            sources = sources_of(artifact)
        except (DecodeError, InvalidSpec) as error:
            self._cancel_all_but(())
            return self._item(snapshot, trouble=Trouble(INVALID, str(error)))
        revision, resolved = pinned(artifact, sources)
        if not selects(artifact.spec.selector, self._services.labels()):
            self._cancel_all_but(())
            return self._item(snapshot, revision or "", selected=False)
        if revision is None:
            self._cancel_all_but(())
            return self._item(snapshot, is_coming=self._may_be_resolved(snapshot))
        if isinstance(artifact, Plugin) and (trouble := trouble_of_entry(artifact)):
            self._cancel_all_but(())
            return self._item(snapshot, revision, trouble=trouble)
        jobs = self._jobs(sources, resolved, revision)
        self._cancel_all_but(jobs)
        parts = {
            medium: self._part(medium, job, artifact, snapshot) for medium, job in jobs.items()
        }
        is_coming = any(fetch.task is not None for fetch in self._fetches.values())
        if sources.oci is not None and "oci" not in jobs:
            parts["oci"] = Part()  # no digest was ever found: what is installed stays
            is_coming = self._may_be_resolved(snapshot)
        if isinstance(artifact, Plugin) and sources.oci is None:
            parts["inline"] = Part(self._version(artifact, snapshot, "inline", None))
        return self._item(snapshot, revision, parts=parts, is_coming=is_coming)

    def _may_be_resolved(self, snapshot: Snapshot) -> bool:
        """Whether the operator has not had long for this generation yet."""
        waits_for = snapshot.meta.uid, snapshot.meta.generation
        now = self.runtime.clock.monotonic()
        if waits_for != self._waits_for:
            self._waits_for, self._waits_until = waits_for, now + _RESOLVING
        return now < self._waits_until

    def _item(
        self,
        snapshot: Snapshot,
        revision: str = "",
        *,
        selected: bool = True,
        parts: Mapping[str, Part] | None = None,
        trouble: Trouble | None = None,
        is_coming: bool = False,
    ) -> Item:
        uid, (kind, _, name) = snapshot.meta.uid or "", self.ref
        return Item(kind, name, uid, revision, selected, parts, trouble, is_coming)

    def _jobs(self, sources: Sources, resolved: Resolved, revision: str) -> dict[str, _Job]:
        """What makes up the content, by medium, each named by what it is made from."""
        fetcher, kind = self._services.fetcher, self.ref.kind
        jobs: dict[str, _Job] = {}
        if sources.oci is not None and resolved.oci_digest:
            digest = resolved.oci_digest
            fetch = partial(fetcher.oci, kind, sources.oci, digest)
            jobs["oci"] = _Job((sources.oci, digest, revision), f"oci:{digest}", fetch)
        if sources.config_map is not None:
            version = resolved.config_map_resource_version
            origin = origin_of_config_map(sources.config_map.name, version)
            read = partial(fetcher.config_map, kind, sources.config_map)
            jobs["configmap"] = _Job((origin, revision), origin, read)
        if sources.inline is not None:
            origin = origin_of_inline(sources.inline)
            fetch = partial(fetcher.inline, kind, sources.inline, origin)
            jobs["inline"] = _Job((origin,), origin, fetch)
        return jobs

    def _part(self, medium: str, job: _Job, artifact: Artifact, snapshot: Snapshot) -> Part:
        fetch = self._fetches.get(medium)
        if fetch is None or fetch.key != job.key:
            known = self._known(medium, job.origin, snapshot)
            fetch = self._fetches[medium] = _Fetch(job.key, content=known)
        self._advance(fetch, job)
        content = fetch.content
        wanted = self._version(artifact, snapshot, medium, content) if content else None
        return Part(wanted, fetch.trouble)

    def _known(self, medium: str, origin: str, snapshot: Snapshot) -> Content | None:
        """What is installed already, if it was made from the same, or was fetched before."""
        before = self._fetches.get(medium)
        if before is not None:
            self._cancel(before)
            if before.content is not None and before.content.origin == origin:
                return before.content
        slot = self._item(snapshot).slot(medium)
        installed = self._services.contents.installed.get(slot)
        content = installed.content if installed is not None else None
        return content if content is not None and content.origin == origin else None

    def _advance(self, fetch: _Fetch, job: _Job) -> None:
        """Take in what has come; start what is due."""
        if fetch.task is not None and fetch.task.done():
            task, fetch.task = fetch.task, None
            self._take(fetch, task)
        never_tried = fetch.tries == 0 and fetch.content is None
        is_due = never_tried or fetch.due <= self.runtime.clock.monotonic()
        if fetch.task is None and is_due:
            fetch.due = math.inf
            fetch.tries += 1
            fetch.task = self.loop.create_task(_as_coroutine(job.fetch))
            fetch.task.add_done_callback(self._fetched)

    def _take(self, fetch: _Fetch, task: asyncio.Task[Content]) -> None:
        """What a task brought; a bug in it is a crash of ours."""
        try:
            fetch.content, fetch.trouble, fetch.tries = task.result(), None, 0
        except FetchFailed as failed:
            fetch.trouble = failed.trouble
            fetch.due = self.runtime.clock.monotonic() + self._wait(fetch, failed)

    def _wait(self, fetch: _Fetch, failed: FetchFailed) -> float:
        if failed.final:
            return math.inf
        if failed.trouble.transient:
            delay = _BACKOFF.delay(fetch.tries - 1, self.runtime.random)
            return max(delay, failed.retry_after or 0.0)
        return _REFUSED[min(fetch.tries, len(_REFUSED)) - 1]

    def _version(
        self, artifact: Artifact, snapshot: Snapshot, medium: str, content: Content | None
    ) -> Installed:
        """The version of a slot that this spec and content make."""
        created = snapshot.meta.creation_timestamp or ""
        if isinstance(artifact, Plugin):
            needed = content.dependencies if content is not None else ()
            entry = entry_of(artifact, self.ref.name, needed)
            return Installed(library_name(self.ref.name), created, content, entry)
        name = file_name(artifact.spec.priority, Medium(medium), self.ref.name)
        return Installed(name, created, content)

    def _fetched(self, task: asyncio.Task[Content]) -> None:
        if not task.cancelled():
            self.actor_inbox.post(Reconcile(Reason(Cause.FETCHED)))

    def _cancel_all_but(self, media: Mapping[str, _Job] | tuple[()]) -> None:
        for medium in [medium for medium in self._fetches if medium not in media]:
            self._cancel(self._fetches.pop(medium))

    @staticmethod
    def _cancel(fetch: _Fetch) -> None:
        if fetch.task is not None:
            fetch.task.cancel()

    async def _release(self) -> None:
        self._cancel_all_but(())


def _revision_of(kind: str, snapshot: Snapshot) -> str:
    """What a node is about to install, if that can be told at all."""
    try:
        artifact = decode(kind, snapshot.raw)
        return pinned(artifact, sources_of(artifact))[0] or ""
    except (DecodeError, InvalidSpec):
        return ""


async def _as_coroutine(fetch: Callable[[], Awaitable[Content]]) -> Content:
    return await fetch()
