"""What Falco has loaded last and what it has refused: in the node's state, and on its volume."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from actors.runtime.activity import decide
from resources.node import refusal
from resources.node.refusal import Circumstances, Way
from resources.node.slots import from_manifest, to_manifest
from sidecar.node.thread import in_thread
from sidecar.volume.disk import VolumeError

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterable, Mapping

    from resources.node.artifact import NodeArtifact
    from resources.node.slots import SlotId, SlotVersion
    from sidecar.node.state import NodeState
    from sidecar.volume.manifest import VolumeManifest
    from sidecar.volume.volume import Volume

_log = logging.getLogger(__name__)


class LoadRecord:
    """Written by the installation only; what is on the volume outlasts a restart.

    The record of a refusal comes before the files of the set that was loaded: a process that is
    killed in between holds the refused versions back when it starts again.
    """

    def __init__(self, state: NodeState, volume: Volume) -> None:
        self._node = state
        self._volume = volume
        self._wanted: Mapping[SlotId, SlotVersion] | None = None
        self._on_disk: tuple[Any, ...] = (None, {})

    def read(self, manifest: VolumeManifest) -> None:
        """Take what a process before has recorded."""
        known = None if manifest.loaded is None else from_manifest(manifest.loaded)
        self._node.loaded = None if known is None or known.unknown else known.versions
        self._node.refused = refusal.from_manifest(manifest.refused)
        self._on_disk = self._node.loaded, self._node.refused

    def note_batch(self, artifacts: Iterable[NodeArtifact]) -> None:
        """Remember of a batch what was wanted then, for it may be refused."""
        self._wanted = refusal.wanted_versions(artifacts)

    async def save(self) -> None:
        """Record what is new; a disk that fails is tried again with the next change."""
        now = self._node.loaded, self._node.refused
        if now == self._on_disk:
            return
        loaded = None if now[0] is None else to_manifest(now[0])
        try:
            await in_thread(self._volume.remember_loads, loaded, refusal.to_manifest(now[1]))
        except VolumeError as error:
            _log.warning("what Falco has loaded will not outlast a restart: %s", error)
        else:
            self._on_disk = now

    async def refuse(self, way: Way, artifacts: Iterable[NodeArtifact]) -> None:
        """Hold back each version by which what is installed differs from what was loaded last."""
        wanted = self._wanted
        if wanted is None:  # a process before has installed it
            wanted = refusal.wanted_versions(artifacts)
        now = Circumstances(wanted, self._node.versions.engine)
        new = refusal.refusals(self._node.installed, self._node.loaded or {}, now, way)
        for slot, found in new.items():
            version = found.version
            what = version.file if version is not None else "what was removed"
            _log.warning("%s: %s", what, found.why, extra={"object": f"{slot.kind}/{slot.name}"})
            decide(f"holds {what} of {slot.kind}/{slot.name} back: {found.why}")
        self._node.refused = {**self._node.refused, **new}
        self._node.refusals += len(new)
        self._node.unproved = frozenset(new) if way is Way.KEPT else ()
        await self.save()

    async def withdraw(self) -> None:
        """Hold nothing back that a Falco does not load which does not look at its files at all."""
        slots, self._node.unproved = self._node.unproved, ()
        _log.warning("Falco does not reload at all, so it has not refused what was new")
        self._node.refused = {
            slot: known for slot, known in self._node.refused.items() if slot not in slots
        }
        await self.save()

    async def next_try(self, artifacts: Iterable[NodeArtifact]) -> bool:
        """Release the refused version that is to be tried again next; return whether there is one.

        It is tried alone, so it is its turn once Falco has loaded everything else.
        """
        if not self._node.refused:
            return False
        now = Circumstances(refusal.wanted_versions(artifacts), self._node.versions.engine)
        known = refusal.completed(self._node.refused, now)
        slot = refusal.due(known, now) if self._node.taken == self._node.writes else None
        self._node.refused = {other: it for other, it in known.items() if other != slot}
        await self.save()
        if slot is not None:
            _log.info("what Falco has refused is tried again: %s", slot)
            decide(f"tries again what Falco has refused of {slot.kind}/{slot.name}")
        return slot is not None

    async def forget(self, held: Container[SlotId], artifacts: Collection[NodeArtifact]) -> None:
        """Forget refusals of which artifacts want another version, or none, by now."""
        wanted = refusal.wanted_versions(artifacts)
        if wanted is not None:
            self._node.refused = {
                slot: known
                for slot, known in self._node.refused.items()
                if slot in held or (slot not in wanted and _is_of_any(artifacts, slot))
            }
            await self.save()


def _is_of_any(artifacts: Iterable[NodeArtifact], slot: SlotId) -> bool:
    return any(artifact.has_slot(slot) for artifact in artifacts)
