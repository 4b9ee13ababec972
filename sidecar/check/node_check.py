"""Asks whether Falco would take what a node is to install, along with all else that is there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from msgspec.structs import replace

from resources.node.files import DIRECTORIES, Directory
from resources.node.plan import is_present, libraries
from resources.node.slots import PluginFact, Slot, Version
from sidecar.check.process import CheckRequest, check

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from resources.node.items import Installed
    from resources.node.plan import Plan, PlannedSlot
    from resources.node.slots import Context, Verdict
    from sidecar.volume.volume import Volume

_KINDS = {"Rulesfile": "rules", "Config": "config", "Plugin": "plugin"}
# Of files that are not ours: Falco loads every file in config.d, whatever its extension.
_LOADED = {Directory.RULES: ("rules", (".yaml", ".yml")), Directory.CONFIG: ("config", ("",))}


class NodeCheck:
    """Knows what the check has to know about the node besides the plan."""

    def __init__(self, volume: Volume, context: Context) -> None:
        self._volume = volume
        self._context = context

    async def ask(self, planned: Plan) -> Verdict:
        """Return what may be activated; raises CheckFailed if that could not be found out."""
        foreign = await asyncio.to_thread(self._foreign)
        names = [path.name for path in foreign[Directory.PLUGINS]]
        context = replace(self._context, foreign_libraries=tuple(names))
        known = libraries(planned, names)
        ours = (self._slot(slot, known) for slot in planned.slots)
        return await check(CheckRequest((*ours, *_that_stay(foreign)), context))

    def _foreign(self) -> dict[Directory, list[Path]]:
        """Files of others: a user may have mounted some."""
        return {
            directory: [path for path in self._volume.foreign(directory) if path.is_file()]
            for directory in Directory
        }

    def _slot(self, slot: PlannedSlot, known: Collection[str]) -> Slot:
        one = slot.wanted or slot.good
        file = one.file if one is not None else ""
        wanted = self._version(slot.kind, slot.wanted, known)
        return Slot(
            slot.id, _KINDS[slot.kind], file, wanted, self._version(slot.kind, slot.good, known)
        )

    def _version(self, kind: str, one: Installed | None, known: Collection[str]) -> Version | None:
        if one is None:
            return None
        if one.entry is not None:
            version = one.content.version if one.content else ""
            path, present = one.entry.library_path, is_present(one, known)
            return Version(plugin=PluginFact(one.entry.name, version, path, present))
        assert one.content is not None, "rules and configurations are files"
        return Version(str(self._volume.blobs.path(DIRECTORIES[kind], one.content.sha256)))


def _that_stay(foreign: Mapping[Directory, list[Path]]) -> Iterator[Slot]:
    """What Falco loads besides ours, whatever is decided."""
    for directory, (kind, extensions) in _LOADED.items():
        for path in foreign[directory]:
            if path.name.endswith(extensions):
                yield Slot(str(path), kind, path.name, Version(str(path)), stays=True)
