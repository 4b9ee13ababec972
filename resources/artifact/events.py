"""Events of an artifact that the operator tells: what all nodes have installed, what went wrong."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from resources.artifact.plugin import Plugin
from resources.artifact.resolution import OCI_FAILED, REFERENCE_FAILED
from resources.artifact.status import node_count
from resources.kubernetes.conditions import PROGRAMMED, RESOLVED_REFS, condition
from resources.kubernetes.event import EventDraft, bounded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from resources.artifact.fields import ArtifactStatus, Resolved
    from resources.artifact.resolution import ResolutionFailure
    from resources.artifact.sources import Artifact, Sources
    from resources.kubernetes.meta import Condition

_OCI, _CONFIG_MAP, _INLINE = "OCIArtifact", "ConfigMapArtifact", "InlineArtifact"


class SourceContent(NamedTuple):
    """One source: what it is called, and a name for what exactly it holds."""

    text: str
    identity: str


class FleetContent(NamedTuple):
    """What all nodes had installed when it was told last; no media if it is not known which."""

    revision: str
    media: Mapping[str, SourceContent] | None = None
    priority: int | None = None


def installed(artifact: Artifact, sources: Sources, resolved: Resolved) -> FleetContent:
    """What it is that nodes have installed, once they have installed this."""
    media: dict[str, SourceContent] = {}
    if sources.oci is not None:
        digest = resolved.oci_digest or ""
        text = f"{sources.oci} ({digest})" if not sources.oci.is_pinned else str(sources.oci)
        media[_OCI] = SourceContent(text, f"{sources.oci} {digest}")
    if sources.config_map is not None:
        name, version = sources.config_map.name, resolved.config_map_resource_version
        media[_CONFIG_MAP] = SourceContent(f"ConfigMap {name}", f"{name} {version}")
    inline = sources.inline.value if sources.inline is not None else None
    if isinstance(artifact, Plugin):
        inline = artifact.spec.config
    if inline is not None or not media:
        identity = hashlib.sha256(msgspec.json.encode(inline)).hexdigest()
        media[_INLINE] = SourceContent("What the resource itself holds", identity)
    priority = None if isinstance(artifact, Plugin) else artifact.spec.priority
    return FleetContent(resolved.revision or "", media, priority)


def successes(before: FleetContent | None, now: FleetContent, count: int) -> Iterator[EventDraft]:
    """One for each source that so many nodes, and that is all, have installed anew.

    If no source is new, another priority is told, or the revision itself; but not that a source is
    gone, which is for the nodes to tell.
    """
    media = now.media or {}
    known = before.media if before is not None else {}
    if known is None:  # an earlier life has told something, and nobody knows what
        yield from _told(media, media, "Updated", count)
        return
    fresh = [name for name in media if known.get(name) != media[name]]
    yield from _told(media, [name for name in fresh if name not in known], "Stored", count)
    yield from _told(media, [name for name in fresh if name in known], "Updated", count)
    if fresh or before is None:
        return
    if before.priority != now.priority:
        note = f"Priority {now.priority} on {node_count(count)}"
        for name in media:
            yield EventDraft(f"{name}PriorityChanged", "Normal", "Install", note)
    elif known.keys() == media.keys():
        yield from _told(media, media, "Updated", count)


def _told(
    media: Mapping[str, SourceContent], names: Iterable[str], word: str, count: int
) -> Iterator[EventDraft]:
    for name in names:
        note = bounded(f"{media[name].text} installed on {node_count(count)}")
        yield EventDraft(f"{name}{word}", "Normal", "Install", note)


def moved(sources: Sources, before: ArtifactStatus, after: ArtifactStatus) -> Iterator[EventDraft]:
    """One if the tag of the same generation points to another digest than before."""
    old, new = before.resolved, after.resolved
    if old is None or new is None or old.observed_generation != new.observed_generation:
        return
    if old.oci_digest and new.oci_digest and old.oci_digest != new.oci_digest:
        note = f"{sources.oci} has moved from {old.oci_digest} to {new.oci_digest}"
        yield EventDraft(f"{_OCI}Updated", "Normal", "Resolve", bounded(note))


def failures(
    before: ArtifactStatus, after: ArtifactStatus, trouble: ResolutionFailure | None
) -> Iterator[EventDraft]:
    """One for what is newly missing, or newly keeps every node from installing anything."""
    was, now = (condition(status.conditions, RESOLVED_REFS) for status in (before, after))
    told = was is not None and now is not None and _words(was) == _words(now)
    if now is not None and now.status == "False" and not told:
        yield EventDraft(now.reason, "Warning", "Resolve", now.message)
    if trouble is None or trouble.status != "False" or trouble.reason == REFERENCE_FAILED:
        return
    said = condition(before.conditions, PROGRAMMED)
    is_told = said is not None and said.reason == trouble.reason
    # A registry fails in other words each time.
    if is_told and said is not None and trouble.reason == OCI_FAILED:
        is_told = said.observed_generation == after.observed_generation
    elif is_told and said is not None:
        is_told = said.message == trouble.message
    if not is_told:
        yield EventDraft(trouble.reason, "Warning", "Resolve", bounded(trouble.message))


def _words(known: Condition) -> tuple[str, str]:
    return known.status, known.message
