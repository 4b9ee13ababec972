"""Events of an artifact that the operator records: what all pods installed, and what failed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from resources.artifact.config import Config
from resources.artifact.medium import Medium
from resources.artifact.plugin import Plugin
from resources.artifact.reasons import OCI_FAILED, REFERENCE_FAILED
from resources.artifact.rulesfile import Rulesfile
from resources.artifact.summary import pod_count
from resources.kubernetes.conditions import PROGRAMMED, RESOLVED_REFS, VERIFIED, condition
from resources.kubernetes.event import EventDraft, bounded
from resources.signatures.standing import REFUSED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from resources.artifact.fields import ArtifactStatus, Resolved
    from resources.artifact.resolution import ResolutionFailure
    from resources.artifact.sources import Artifact, Sources
    from resources.kubernetes.meta import Condition


# Failures that have an Event by the condition that is about them alone.
_TOLD_APART = frozenset({REFERENCE_FAILED, REFUSED})
# What users call the content that stands in the resource itself.
_INLINE = {
    Rulesfile: "Inline rules",
    Config: "Inline configuration",
    Plugin: "Plugin configuration",
}


class InstalledSource(NamedTuple):
    """One source that nodes installed: its name for users, and what identifies its content."""

    text: str
    identity: str


class FleetContent(NamedTuple):
    """What all nodes had installed at the last Event; `sources` is None if it is not known."""

    revision: str
    sources: Mapping[Medium, InstalledSource] | None = None
    priority: int | None = None


def installed(artifact: Artifact, sources: Sources, resolved: Resolved) -> FleetContent:
    """What nodes have installed once they report this artifact's revision as installed."""
    by_medium: dict[Medium, InstalledSource] = {}
    if sources.oci is not None:
        digest = resolved.oci_digest or ""
        text = f"{sources.oci} ({digest})" if not sources.oci.is_pinned else str(sources.oci)
        by_medium[Medium.OCI] = InstalledSource(text, f"{sources.oci} {digest}")
    if sources.config_map is not None:
        name = sources.config_map.name
        version = resolved.config_map_digest or resolved.config_map_resource_version
        by_medium[Medium.CONFIG_MAP] = InstalledSource(f"ConfigMap {name}", f"{name} {version}")
    inline = sources.inline.value if sources.inline is not None else None
    if isinstance(artifact, Plugin):
        inline = artifact.spec.config
    if inline is not None or not by_medium:
        identity = hashlib.sha256(msgspec.json.encode(inline)).hexdigest()
        by_medium[Medium.INLINE] = InstalledSource(_INLINE[type(artifact)], identity)
    priority = None if isinstance(artifact, Plugin) else artifact.spec.priority
    return FleetContent(resolved.revision or "", by_medium, priority)


def successes(before: FleetContent | None, now: FleetContent, count: int) -> Iterator[EventDraft]:
    """One Event for each new or changed source; `count` is the number of pods, all of them.

    If no source changed, the Events name the new priority or, without one, the new revision. The
    nodes record the removal of a source, the operator does not.
    """
    sources = now.sources or {}
    known = before.sources if before is not None else {}
    if known is None:  # an operator before a restart recorded Events, nobody knows for what
        yield from _installed_events(sources, sources, "Updated", count)
        return
    changed = [medium for medium in sources if known.get(medium) != sources[medium]]
    added = [medium for medium in changed if medium not in known]
    updated = [medium for medium in changed if medium in known]
    yield from _installed_events(sources, added, "Stored", count)
    yield from _installed_events(sources, updated, "Updated", count)
    if changed or before is None:
        return
    if before.priority != now.priority:
        note = f"Priority {now.priority} on {pod_count(count)}"
        for medium in sources:
            reason = f"{medium.event_subject}PriorityChanged"
            yield EventDraft(reason, "Normal", "Install", note)
    elif known.keys() == sources.keys():
        yield from _installed_events(sources, sources, "Updated", count)


def _installed_events(
    sources: Mapping[Medium, InstalledSource], media: Iterable[Medium], change: str, count: int
) -> Iterator[EventDraft]:
    for medium in media:
        note = bounded(f"{sources[medium].text} installed on {pod_count(count)}")
        yield EventDraft(f"{medium.event_subject}{change}", "Normal", "Install", note)


def moved(sources: Sources, before: ArtifactStatus, after: ArtifactStatus) -> Iterator[EventDraft]:
    """One Event if the tag of the same generation points to another digest than before."""
    old, new = before.resolved, after.resolved
    if old is None or new is None or old.observed_generation != new.observed_generation:
        return
    if old.oci_digest and new.oci_digest and old.oci_digest != new.oci_digest:
        note = f"{sources.oci} has moved from {old.oci_digest} to {new.oci_digest}"
        reason = f"{Medium.OCI.event_subject}Updated"
        yield EventDraft(reason, "Normal", "Resolve", bounded(note))


def failures(
    before: ArtifactStatus, after: ArtifactStatus, trouble: ResolutionFailure | None
) -> Iterator[EventDraft]:
    """One Event for newly missing references, and one for what newly fails on every node."""
    old_refs, refs = (condition(status.conditions, RESOLVED_REFS) for status in (before, after))
    is_old = old_refs is not None and refs is not None and _text(old_refs) == _text(refs)
    if refs is not None and refs.status == "False" and not is_old:
        yield EventDraft(refs.reason, "Warning", "Resolve", refs.message)
    if trouble is None or trouble.status != "False" or trouble.reason in _TOLD_APART:
        return
    if not _is_recorded(trouble, condition(before.conditions, PROGRAMMED), after):
        yield EventDraft(trouble.reason, "Warning", "Resolve", bounded(trouble.message))


def refused(before: ArtifactStatus, after: ArtifactStatus) -> Iterator[EventDraft]:
    """One Event for a digest that is newly found not to be signed as is demanded."""
    old, new = (condition(status.conditions, VERIFIED) for status in (before, after))
    if new is None or new.status != "False":
        return
    if old is None or (old.reason, old.message) != (new.reason, new.message):
        yield EventDraft(REFUSED, "Warning", "Verify", new.message)


def _is_recorded(
    trouble: ResolutionFailure, programmed: Condition | None, after: ArtifactStatus
) -> bool:
    """Whether the condition before shows the same failure, which then has its Event already."""
    if programmed is None or programmed.reason != trouble.reason:
        return False
    # The message of a registry's failure differs from try to try.
    if trouble.reason == OCI_FAILED:
        return programmed.observed_generation == after.observed_generation
    return programmed.message == trouble.message


def _text(refs: Condition) -> tuple[str, str]:
    return refs.status, refs.message
