"""Makes the files of the node equal to what its artifacts want, as far as Falco would take them."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import msgspec

from actors.runtime.actor import Actor
from actors.runtime.backoff import Backoff
from actors.runtime.reason import Cause
from actors.runtime.results import Done, RequeueAfter, Result
from resources.kubernetes.kinds import ARTIFACTS
from resources.node.files import DIRECTORIES, PLUGIN_ENTRIES, Directory, File
from resources.node.items import NAME_CONFLICT, PENDING, STORE_FAILED, Installed, Item, Trouble
from resources.node.plan import Plan, PlannedSlot, is_more_at_hand, kept, plan, removed, settled
from resources.node.plugin_entries import plugin_entries
from resources.node.report import reports
from resources.node.slots import Verdict
from sidecar.check.process import CheckFailed
from sidecar.volume.disk import VolumeError
from sidecar.volume.volume import ContentMissing

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from actors.runtime.context import Runtime
    from actors.runtime.reason import Reasons
    from actors.watch.store import Store
    from sidecar.check.node_check import NodeCheck
    from sidecar.node.state import Contents
    from sidecar.volume.volume import Volume

_log = logging.getLogger(__name__)
# Seconds without news, and at most in all, until what has come is installed as one batch: what a
# user applies together is to reach Falco as one reload.
_QUIET = 0.15
_PATIENCE = 1.0
_BACKOFF = Backoff(base=1.0, cap=60.0)
_NEWS = (Cause.CONTENTS, Cause.LISTED)


class Installation(Actor):
    """The only writer of the node's directories; looks at all artifacts as one set.

    Nothing is removed before all artifacts are listed: until then it is not told to look.
    """

    kind = "Installation"

    def __init__(
        self,
        runtime: Runtime,
        store: Store,
        contents: Contents,
        volume: Volume,
        check: NodeCheck,
        done: Callable[[tuple[PlannedSlot, ...]], None],
        lost: Callable[[Collection[str]], None],
    ) -> None:
        """`done` is called after each look, with what was removed; `lost` with slots to refill."""
        super().__init__(runtime)
        self._store = store
        self._contents = contents
        self._volume, self._blobs = volume, volume.blobs
        self._check = check
        self._done = done
        self._lost = lost
        self._since: float | None = None
        self._checked: tuple[Plan, Verdict] | None = None
        self._unchecked = ""
        self._tries = 0

    async def on_start(self) -> None:
        """Find out what is on disk already."""
        manifest = await asyncio.to_thread(self._volume.load)
        try:
            self._contents.installed = msgspec.convert(manifest.slots, dict[str, Installed])
        except msgspec.ValidationError as error:  # of another version of ours
            _log.warning("what was installed is not known, and is fetched anew: %s", error)
        self._contents.gate_opened = self._contents.gate_opened or manifest.gate_opened

    async def on_reconcile(self, reasons: Reasons) -> Result:
        """Wait for quiet, then install; what fails for want of disk is tried again."""
        now = self.runtime.clock.monotonic()
        self._since = now if self._since is None else self._since
        is_early = reasons.have(*_NEWS) or is_more_at_hand(self._contents.items())
        if is_early and now - self._since < _PATIENCE:
            return RequeueAfter(_QUIET, "a quiet moment without further changes")
        self._since = None
        refused = await self._install()
        if not refused:
            self._tries = 0
            return Done()
        self._tries += 1
        return RequeueAfter(
            _BACKOFF.delay(self._tries - 1, self.runtime.random), "retry after a refused write"
        )

    def describe(self) -> dict[str, Any]:
        """What stands on disk, for the actor dump."""
        slots = {slot: one.file for slot, one in self._contents.installed.items()}
        return {**super().describe(), "installed": slots}

    async def _install(self) -> Mapping[str, Trouble]:
        """Return what could not be written, by slot."""
        items = self._items()
        planned = plan(items, self._contents.installed)
        verdict = await self._verdict(planned)
        final = settled(planned, verdict)
        refused = await self._write(planned, final)
        if self._unchecked:
            unchecked = Trouble(PENDING, f"could not be checked yet: {self._unchecked}")
            refused = {slot.id: unchecked for slot in planned.slots if slot.wanted != slot.good}
        self._contents.reports = reports(items, planned, verdict, refused)
        self._done(removed(planned, self._contents.installed))
        return refused

    def _items(self) -> tuple[Item, ...]:
        """Every artifact that there is; one that nobody has looked at yet keeps what it has."""
        known = {(item.kind, item.name, item.uid): item for item in self._contents.items()}
        snapshots = (snapshot for kind in ARTIFACTS for snapshot in self._store.of_kind(kind))
        keys = ((one.ref.kind, one.ref.name, one.meta.uid or "") for one in snapshots)
        return tuple(known.get(key) or Item(*key, "", True, None) for key in keys)

    async def _verdict(self, planned: Plan) -> Verdict:
        """What of the wanted may be activated; nothing new costs no check, but for a first one.

        A check that fails says nothing: then what is installed stays, and it is made again.
        """
        if self._checked is not None and self._checked[0] == planned:
            return self._checked[1]
        if planned.is_settled and (self._checked is not None or not planned.slots):
            verdict = Verdict(warnings=self._checked[1].warnings) if self._checked else Verdict()
        else:
            try:
                verdict = await self._check.ask(planned)
            except (CheckFailed, VolumeError) as error:
                _log.warning("the check failed: %s", error)
                self._checked, self._unchecked = None, str(error)
                return kept(planned)
        self._checked, self._unchecked = (planned, verdict), ""
        return verdict

    async def _write(self, planned: Plan, final: dict[str, Installed]) -> dict[str, Trouble]:
        """Write what differs; return why some of it could not be, by slot."""
        before = self._contents.installed
        try:
            files = await self._files(final)
            slots = {slot: msgspec.to_builtins(one) for slot, one in final.items()}
            applied = await asyncio.to_thread(
                self._volume.apply, files, slots, gate_opened=self._contents.gate_opened
            )
        except ContentMissing as error:
            return self._refill({file.sha256 for file in error.files}, final, str(error))
        except VolumeError as error:
            _log.warning("cannot be written: %s", error)
            await self._collect(before)
            ids = (slot.id for slot in planned.slots)
            changed = [slot for slot in ids if final.get(slot) != before.get(slot)]
            return {slot: _not_stored(slot, str(error)) for slot in changed}
        self._contents.installed = final
        self._contents.batches += bool(applied.installed or applied.removed)
        await self._collect(final)
        taken = {(file.directory, file.name) for file in applied.conflicts}
        return {
            slot: Trouble(NAME_CONFLICT, f"{one.file} is there and not ours")
            for slot, one in final.items()
            if (DIRECTORIES[slot.partition("/")[0]], one.file) in taken
        }

    def _refill(
        self, missing: Collection[str], final: Mapping[str, Installed], why: str
    ) -> dict[str, Trouble]:
        """Forget what is nowhere on disk and have it fetched again; somebody has deleted it."""
        _log.warning("%s", why)
        lost = [
            slot for slot, one in final.items() if one.content and one.content.sha256 in missing
        ]
        kept = self._contents.installed.items()
        self._contents.installed = {slot: one for slot, one in kept if slot not in lost}
        self._lost(lost)
        return {slot: _not_stored(slot, why) for slot in lost}

    async def _files(self, final: Mapping[str, Installed]) -> list[File]:
        files = [
            File(DIRECTORIES[kind], one.file, one.content.sha256)
            for slot, one in final.items()
            if (kind := slot.partition("/")[0]) and one.content is not None
        ]
        entries = [one.entry for one in final.values() if one.entry is not None]
        if entries:
            text = await asyncio.to_thread(plugin_entries, entries)
            put = self._blobs.put
            sha256 = await asyncio.to_thread(put, Directory.CONFIG, text.encode())
            files.append(File(Directory.CONFIG, PLUGIN_ENTRIES, sha256))
        return files

    async def _collect(self, final: Mapping[str, Installed]) -> None:
        """Free what is neither installed nor about to be; what was only just fetched stays."""
        await asyncio.to_thread(self._blobs.collect, self._kept(final))

    def _kept(self, final: Mapping[str, Installed]) -> set[str]:
        parts = [part for item in self._contents.items() for part in (item.parts or {}).values()]
        versions = [*final.values(), *(part.wanted for part in parts if part.wanted)]
        return {one.content.sha256 for one in versions if one.content is not None}


def _not_stored(slot: str, why: str) -> Trouble:
    kind, *_, medium = slot.split("/")
    return Trouble(STORE_FAILED[kind, medium], why)
