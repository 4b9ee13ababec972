"""The Events about one artifact, which follow what its status says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resources.artifact.events import (
    FleetContent,
    failures,
    installed,
    moved,
    refused,
    successes,
)
from resources.artifact.status import is_programmed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resources.artifact.fields import ArtifactStatus
    from resources.artifact.sources import Artifact, Sources
    from resources.artifact.status import Observed
    from resources.kubernetes.event import EventDraft

Spec = tuple["Artifact", "Sources"]


class Announcements:
    """Tells an installation on all nodes once, also after a restart of the actor."""

    __slots__ = ("_announced", "_is_known")

    def __init__(self) -> None:
        self._announced: FleetContent | None = None
        self._is_known = False
        """Whether `_announced` has been taken from the status of an earlier actor."""

    def recall(self, status: ArtifactStatus, generation: int | None, spec: Spec | None) -> None:
        """Conclude from the status which installation an earlier actor has announced."""
        if self._is_known or spec is None:
            return
        self._is_known = True
        if not is_programmed(status) or status.resolved is None:
            return
        self._announced = FleetContent(status.resolved.revision or "")
        if status.resolved.observed_generation == generation:
            self._announced = installed(*spec, status.resolved)

    def events(
        self, before: ArtifactStatus, after: ArtifactStatus, spec: Spec | None, observed: Observed
    ) -> Iterator[EventDraft]:
        """The Events of a status that has been written; `spec` is None if it is no valid one."""
        yield from failures(before, after, observed.trouble)
        yield from refused(before, after)
        if spec is None or after.resolved is None:
            return
        yield from moved(spec[1], before, after)
        now, announced = installed(*spec, after.resolved), self._announced
        if is_programmed(after) and (announced is None or announced.revision != now.revision):
            yield from successes(announced, now, observed.sum.programmed)
            self._announced = now
