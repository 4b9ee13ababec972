"""Makes the files of the node equal to what its artifacts want, as far as Falco accepts them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from actors.runtime.activity import decide
from actors.runtime.actor import Actor
from actors.runtime.backoff import Backoff
from actors.runtime.reason import Cause
from actors.runtime.results import Done, RequeueAfter, Result
from resources.artifact.fields import Validation, validation_of
from resources.artifact.reasons import NAME_CONFLICT, PENDING, STORE_FAILED
from resources.kubernetes.kinds import ARTIFACTS
from resources.node.artifact import NodeArtifact, Trouble
from resources.node.compatible import needs_of, parts_of, plugins_of, with_compatible
from resources.node.files import DIRECTORIES
from resources.node.loaded import FileTimes
from resources.node.pace import quiet_seconds
from resources.node.plan import (
    Plan,
    PlannedSlot,
    has_quick_fetch,
    plan,
    removed,
    settled,
    withheld,
)
from resources.node.report import reports
from resources.node.slots import SlotId, SlotVersion, from_manifest, to_manifest
from sidecar.check.plan_check import PlanCheck
from sidecar.node.falco_versions import RememberedVersions
from sidecar.node.load_record import LoadRecord
from sidecar.node.report_log import log_changes
from sidecar.node.state import WayBack
from sidecar.node.thread import in_thread
from sidecar.volume.disk import VolumeError
from sidecar.volume.slot_files import changed_files, contents, slot_files
from sidecar.volume.volume import ContentMissing

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from actors.runtime.context import Runtime
    from actors.runtime.reason import Reasons
    from actors.watch.store import Snapshot, Store
    from resources.check.check_request import Verdict
    from resources.node.compatible import NodeParts
    from resources.node.refusal import Way
    from sidecar.check.node_check import NodeCheck
    from sidecar.node.state import NodeState
    from sidecar.volume.volume import Volume

_log = logging.getLogger(__name__)
# Seconds without a change, and at most in all, until changes are installed as one batch: what a
# user applies together is to reach Falco as one reload.
_QUIET = 0.15
_PATIENCE = 1.0
_BACKOFF = Backoff(base=1.0, cap=60.0)
_NEWS = (Cause.CONTENTS, Cause.LISTED)


class Installation(Actor):
    """The only writer of the node's directories; it checks all artifacts as one set.

    Nothing is removed before all artifacts are listed, for only then is it told to reconcile.

    Once Falco may run, a batch waits until Falco says that it has loaded the batch before, or has
    had time for it; what comes meanwhile joins it. A process that has just started does not know
    when that was, and waits, too.
    """

    kind = "Installation"

    def __init__(
        self,
        runtime: Runtime,
        store: Store,
        state: NodeState,
        volume: Volume,
        check: NodeCheck,
        quiet: float,
        validation: Validation,
        done: Callable[[tuple[PlannedSlot, ...]], None],
        lost: Callable[[Collection[SlotId]], None],
    ) -> None:
        """`quiet` is the least time between two batches, in seconds.

        `validation` is the mode of artifacts that name none.

        `done` is called after each installation, with the removed slots.

        `lost` is called with slots whose content must be fetched again.
        """
        super().__init__(runtime)
        self._store = store
        self._node = state
        self._volume, self._blobs = volume, volume.blobs
        self._versions = RememberedVersions(state, volume)
        self._check = PlanCheck(check)
        self._quiet = quiet
        self._validation = validation
        self._loads = LoadRecord(state, volume)
        self._is_complete = True
        self._done = done
        self._lost = lost
        self._since: float | None = None
        self._tries = 0

    async def on_start(self) -> None:
        """Read from the manifest what is on disk."""
        manifest = await in_thread(self._volume.load)
        self._node.is_mixed = self._volume.is_mixed
        self._node.installed, unknown = from_manifest(manifest.slots)
        for text in unknown:
            _log.warning("what was installed is not known, and is fetched anew: %s", text)
        self._node.gate_opened = self._node.gate_opened or manifest.gate_opened
        self._loads.read(manifest)
        self._node.times = FileTimes(await in_thread(self._volume.changed_at))
        self._versions.recall(manifest)
        await self._leave_to_falco()

    async def on_reconcile(self, reasons: Reasons) -> Result:
        """Install once no more changes come; what the disk refuses is tried again with backoff."""
        await self._loads.save()
        if failed := await self._follow_falco():
            return self._result(failed)
        now = self.runtime.clock.monotonic()
        self._since = now if self._since is None else self._since
        is_early = reasons.have(*_NEWS) or has_quick_fetch(self._node.artifacts())
        quiet = _QUIET if is_early and now - self._since < _PATIENCE else 0.0
        loading = self._node.next_change_at(now) - now
        self._node.is_held = loading > quiet
        if self._node.is_held:
            if self._node.renewal_due and now >= self._node.left_alone_until:
                await self._renew()
            return RequeueAfter(loading, "Falco to load the batch before")
        if quiet:
            return RequeueAfter(quiet, "a quiet moment without further changes")
        self._since = None
        return self._result(await self._install())

    def _result(self, refused: Mapping[SlotId, Trouble]) -> Result:
        """What comes after an installation that could not write or check these slots."""
        if not refused:
            self._tries = 0
            return Done() if self._is_complete else self._after_falco()
        self._tries += 1
        delay = _BACKOFF.delay(self._tries - 1, self.runtime.random)
        return RequeueAfter(delay, "retry after a failed write")

    def describe(self) -> dict[str, Any]:
        """Add the installed files, for the actor dump."""
        slots = {str(slot): version.file for slot, version in self._node.installed.items()}
        return {**super().describe(), "installed": slots}

    async def _leave_to_falco(self) -> None:
        """Let no batch follow before Falco, if it may run, has had time to load what is there."""
        if self._node.gate_opened:
            sizes = await in_thread(self._volume.rules_sizes)
            quiet = quiet_seconds(self._quiet, sizes)
            self._node.left_alone_until = self.runtime.clock.monotonic() + quiet
        touched = await in_thread(self._volume.changed_at)
        self._node.times = self._node.times._replace(touched=touched)

    def _after_falco(self) -> RequeueAfter:
        now = self.runtime.clock.monotonic()
        left = max(0.0, self._node.next_change_at(now) - now)
        self._node.is_held = left > 0
        return RequeueAfter(left, "Falco to load what needs the removed libraries no more")

    async def _install(self) -> Mapping[SlotId, Trouble]:
        """Return why slots could not be written or checked."""
        await self._versions.keep()
        artifacts = self._artifacts()
        planned, verdict, final = await self._chosen(artifacts)
        if final == self._node.installed and await self._loads.next_try(artifacts):
            planned, verdict, final = await self._chosen(artifacts)
        if final != self._node.installed:
            self._loads.note_batch(artifacts)
        for line in withheld(planned, final):
            decide(line)
        refused = await self._write(planned, final)
        await self._loads.forget(planned.held, artifacts)
        if self._node.renewal_due:
            await self._renew()
        if self._check.failure:
            unchecked = Trouble(PENDING, f"could not be checked yet: {self._check.failure}")
            refused = {slot.id: unchecked for slot in planned.slots if slot.wanted != slot.good}
        judge = self._check.judge or self._check.failure or "nothing is new"
        decide(f"had {len(planned.slots)} sources judged: {judge}")
        self._report(artifacts, planned, verdict, refused)
        return refused

    async def _follow_falco(self) -> Mapping[SlotId, Trouble]:
        """Take back what Falco has refused; return why slots could not be written."""
        back, self._node.way_back = self._node.way_back, None
        if self._node.is_blind and self._node.unproved:
            await self._loads.withdraw()
        if back is None or back.changes != self._node.changes:
            return {}
        return await self._go_back(back.way)

    async def _go_back(self, way: Way) -> Mapping[SlotId, Trouble]:
        """Install what Falco has loaded last, and nothing else; hold back what it has refused."""
        artifacts = self._artifacts()
        decide("goes back to what Falco has loaded last")
        await self._loads.refuse(way, artifacts)
        final = dict(self._node.loaded or {})
        refused = await self._write(self._plan(artifacts), final)
        if self._node.installed != final and self._node.loaded is not None:
            self._node.way_back = WayBack(way, self._node.changes)  # once more
            return refused
        planned, verdict, _ = await self._chosen(artifacts)
        waiting = Trouble(PENDING, "waits for Falco to load what it had loaded before")
        new = {slot.id for slot in planned.slots if slot.wanted != final.get(slot.id)}
        self._report(artifacts, planned, verdict, {**dict.fromkeys(new, waiting), **refused})
        return {}

    def _report(
        self,
        artifacts: tuple[NodeArtifact, ...],
        planned: Plan,
        verdict: Verdict,
        refused: Mapping[SlotId, Trouble],
    ) -> None:
        told = reports(artifacts, planned, verdict, refused)
        reported = with_compatible(told, needs_of(planned, verdict), self._parts(planned, verdict))
        log_changes(self._node.reports, reported)
        self._node.reports = reported
        self._done(removed(planned, self._node.installed))

    def _plan(self, artifacts: tuple[NodeArtifact, ...]) -> Plan:
        node = self._node
        return plan(artifacts, node.installed, node.loaded, node.refused)

    async def _chosen(
        self, artifacts: tuple[NodeArtifact, ...]
    ) -> tuple[Plan, Verdict, dict[SlotId, SlotVersion]]:
        """What is wanted and installed, what the check says of it, and what results."""
        planned = self._plan(artifacts)
        verdict = await self._check.verdict(planned, self._node.versions)
        if not self._check.failure:
            self._node.web_server = verdict.web_server
            self._node.judge = self._check.judge or self._node.judge
        return planned, verdict, settled(planned, verdict)

    def _parts(self, planned: Plan, verdict: Verdict) -> NodeParts:
        node = self._node
        plugins = plugins_of(verdict.plugins, node.installed)
        return parts_of(node.identity.namespace, node.versions, plugins, self._artifacts(), planned)

    def _artifacts(self) -> tuple[NodeArtifact, ...]:
        """Every artifact of the namespace; without a state from its actor, it keeps what it has."""
        known = {
            (artifact.kind, artifact.name, artifact.uid): artifact
            for artifact in self._node.artifacts()
        }
        snapshots = (snapshot for kind in ARTIFACTS for snapshot in self._store.of_kind(kind))
        return tuple(
            known.get((snapshot.ref.kind, snapshot.ref.name, snapshot.meta.uid or ""))
            or self._unknown(snapshot)
            for snapshot in snapshots
        )

    def _unknown(self, snapshot: Snapshot) -> NodeArtifact:
        """An artifact without a state from its actor."""
        kind, name, uid = snapshot.ref.kind, snapshot.ref.name, snapshot.meta.uid or ""
        mode = validation_of(snapshot.raw, self._validation)
        return NodeArtifact(kind, name, uid, "", True, None, validation=mode)

    async def _write(
        self, planned: Plan, final: dict[SlotId, SlotVersion]
    ) -> dict[SlotId, Trouble]:
        """Write what differs; return why slots could not be written."""
        before = self._node.installed
        self._node.changes += final != before
        try:
            files = await in_thread(slot_files, final, self._blobs)
            slots, gate_opened = to_manifest(final), self._node.gate_opened
            applied = await in_thread(self._volume.apply, files, slots, gate_opened=gate_opened)
        except ContentMissing as error:
            return self._refill({file.sha256 for file in error.files}, final, str(error))
        except VolumeError as error:
            _log.warning("cannot be written: %s", error)
            await self._leave_to_falco()  # it may have seen a part, and that taken back
            await self._collect(before)
            ids = (slot.id for slot in planned.slots)
            changed = [slot for slot in ids if final.get(slot) != before.get(slot)]
            return {slot: _not_stored(slot, str(error)) for slot in changed}
        decide(changed_files(before, final))
        self._is_complete, self._node.is_mixed = not applied.postponed, False
        if applied.is_seen:
            await self._leave_to_falco()
            self._node.batches += 1
            self._node.renewal_due = False  # Falco looks in any case
        await self._note_times(final)
        await self._collect(final)
        taken = {(file.directory, file.name) for file in applied.conflicts}
        return {
            slot: Trouble(NAME_CONFLICT, f"{version.file} is there and not ours")
            for slot, version in final.items()
            if (DIRECTORIES[slot.kind], version.file) in taken
        }

    async def _note_times(self, final: Mapping[SlotId, SlotVersion]) -> None:
        """Take what is installed for so, with the time of what is new."""
        before, times = self._node.installed, self._node.times
        if final == before:
            return
        now = await in_thread(self._volume.changed_at)
        kept = {slot: at for slot, at in times.by_slot.items() if slot in final}
        new = {slot: now for slot, version in final.items() if version != before.get(slot)}
        self._node.changes += 1
        self._node.times = times._replace(by_slot={**kept, **new}, last=now)
        self._node.installed = final

    async def _renew(self) -> None:
        """Make Falco look once more; that the disk fails is no news, for then a batch fails too."""
        self._node.renewal_due = False
        try:
            await in_thread(self._volume.renew)
        except VolumeError as error:
            _log.warning("no file could be renamed anew: %s", error)
        else:
            await self._leave_to_falco()
            self._node.renewals += 1
            decide("renamed a file anew, for Falco seems to have missed a change")
            _log.info("Falco seems to have missed a change: a file was renamed anew")

    def _refill(
        self, missing: set[str], final: Mapping[SlotId, SlotVersion], why: str
    ) -> dict[SlotId, Trouble]:
        """Have content fetched again that somebody has deleted, file and blob."""
        _log.warning("%s", why)
        lost = [
            slot
            for slot, version in final.items()
            if version.content and version.content.sha256 in missing
        ]
        if missing & contents((self._node.loaded or {}).values()):
            self._node.loaded, self._node.refused = None, {}  # there is no way back any more
        installed = self._node.installed.items()
        self._node.installed = {slot: version for slot, version in installed if slot not in lost}
        self._lost(lost)
        return {slot: _not_stored(slot, why) for slot in lost}

    async def _collect(self, final: Mapping[SlotId, SlotVersion]) -> None:
        """Remove the blobs that are neither installed nor wanted, nor what Falco has loaded."""
        states = [
            state
            for artifact in self._node.artifacts()
            for state in (artifact.sources or {}).values()
        ]
        wanted = [state for state in states if isinstance(state, SlotVersion)]
        loaded = (self._node.loaded or {}).values()
        kept = contents([*final.values(), *loaded, *wanted])
        await in_thread(self._blobs.collect, kept)


def _not_stored(slot: SlotId, why: str) -> Trouble:
    return Trouble(STORE_FAILED[slot.kind, slot.medium], why)
