"""Checks the artifacts of a node in a child process, so that hostile content does no harm here.

The child asks the pod's own Falco too, in dry runs, where its program is at hand.

The child bounds what it reads of each file (resources.text.yaml_reader) and of all of them, and
refuses by name a file that is too much. Its limits of memory and time are there for our mistakes.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import msgspec
from msgspec.structs import replace

from actors.runtime.child_process import MEGABYTE, WorkerFailed, run_worker
from resources.check.check_request import (
    CheckedSlot,
    CheckedVersion,
    CheckRequest,
    PluginFact,
    Verdict,
)
from resources.node.files import DIRECTORIES, Directory
from resources.node.plan import is_present, libraries
from sidecar.check.verdicts import once_installed
from supervisors.process.settings import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from resources.check.check_request import Context, FalcoProgram
    from resources.node.plan import Plan, PlannedSlot
    from resources.node.slots import Content, SlotVersion
    from resources.rules.versions import FalcoVersions
    from sidecar.check.pod_falco import PodFalco
    from sidecar.check.verdicts import Verdicts
    from sidecar.volume.volume import Volume

_Foreign: TypeAlias = "Mapping[Directory, Mapping[Path, Path]]"
"""By directory: files that belong to no artifact, each with the file to which it leads."""

MEMORY = 128 * MEGABYTE
SECONDS = 60.0

_DEADLY = "the sidecar has ended twice while it asked Falco about these files"
_log = logging.getLogger(__name__)

_KINDS = {"Rulesfile": "rules", "Config": "config", "Plugin": "plugin"}
# Files of others that Falco loads, by extension: in config.d it loads every file.
_LOADED = {Directory.RULES: ("rules", (".yaml", ".yml")), Directory.CONFIG: ("config", ("",))}


class CheckFailed(Exception):  # noqa: N818 - what it reports is a failure, not an error of ours
    """The check gave no answer: it was out of memory, out of time, or crashed."""


class NodeCheck:
    """Checks a plan together with the files on the node that belong to no artifact.

    A verdict of Falco is remembered by all that it depends on, also when the process restarts.
    """

    def __init__(
        self,
        volume: Volume,
        context: Context,
        falco: PodFalco,
        verdicts: Verdicts,
        checked: Callable[[Verdict], None],
    ) -> None:
        """`checked` is called with each new verdict."""
        self._checked = checked
        self._volume = volume
        self._context = context
        self._falco = falco
        self._broken = ""
        self._verdicts = verdicts

    async def ask(self, planned: Plan, versions: FalcoVersions) -> Verdict:
        """Return which version of each slot may be activated; `versions` are those of Falco.

        Raises:
            CheckFailed: nothing is known; keep what is installed.
        """
        foreign = await asyncio.to_thread(self._foreign)
        names = sorted(path.name for path in foreign[Directory.PLUGINS])
        context = replace(
            self._context,
            engine_version=versions.engine,
            says_version=versions.falco,
            foreign_libraries=tuple(names),
        )
        known = libraries(planned, names)
        ours = (self._slot(slot, known) for slot in planned.slots)
        request = CheckRequest((*ours, *_foreign_slots(foreign)), context)
        program: FalcoProgram | str = self._broken
        if not program:
            program = await asyncio.to_thread(self._falco.program)
        if isinstance(program, str):
            verdict = replace(await check_in_child(request), unasked=program)
        else:
            verdict = await self._ask_falco(replace(request, falco=program))
        self._checked(verdict)
        return verdict

    async def _ask_falco(self, request: CheckRequest) -> Verdict:
        key = await asyncio.to_thread(self._key, request)
        if known := self._verdicts.find(key):
            return known
        if not await asyncio.to_thread(self._verdicts.starts, key):
            verdict = await check_in_child(replace(request, falco=None))
            return replace(verdict, unasked=_DEADLY)
        try:
            verdict = await check_in_child(request)
        except CheckFailed as error:  # perhaps of Falco, and without it there is an answer
            verdict = await check_in_child(replace(request, falco=None))
            return replace(verdict, unasked=f"the check with dry runs of Falco {error}")
        finally:
            self._verdicts.answered()
        if verdict.broken:
            self._broken = verdict.unasked
            _log.warning("until a restart of the sidecar Falco is not asked: %s", self._broken)
        elif not verdict.unasked:
            following = await asyncio.to_thread(self._key, once_installed(request, verdict))
            await asyncio.to_thread(self._verdicts.remember, verdict, key, following)
        return verdict

    def _key(self, request: CheckRequest) -> str:
        """Identifies all on which the verdict depends; paths of our content have its digest."""
        theirs = [slot.wanted for slot in request.slots if slot.stays]
        states = [self._volume.blobs.digests.find(Path(theirs.path)) for theirs in theirs if theirs]
        timeless = replace(request, falco=None)
        parts = (VERSION, timeless, states, self._falco.identity())
        return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()

    def _foreign(self) -> _Foreign:
        """Files that belong to no artifact: a user may have mounted some."""
        return {
            directory: {
                path: target
                for path in self._volume.foreign(directory)
                if (target := _target(path)) is not None
            }
            for directory in Directory
        }

    def _slot(self, slot: PlannedSlot, known: Collection[str]) -> CheckedSlot:
        kind, version = slot.id.kind, slot.wanted or slot.good
        return CheckedSlot(
            id=str(slot.id),
            kind=_KINDS[kind],
            file=version.file if version is not None else "",
            wanted=self._version(kind, slot.wanted, known),
            good=self._version(kind, slot.good, known),
            loaded=self._version(kind, slot.loaded, known),
            validation=slot.validation,
        )

    def _version(
        self, kind: str, version: SlotVersion | None, known: Collection[str]
    ) -> CheckedVersion | None:
        if version is None:
            return None
        content, entry = version.content, version.entry
        if entry is not None:
            release = content.version if content else ""
            present = is_present(version, known)
            return CheckedVersion(
                path=self._path(kind, content) if content else "",
                plugin=PluginFact(
                    entry.name, release, entry.library_path, present, _json(entry.init_config)
                ),
                entry=_json(entry),
            )
        assert content is not None, "rules and configurations are files"
        return CheckedVersion(self._path(kind, content))

    def _path(self, kind: str, content: Content) -> str:
        return str(self._volume.blobs.path(DIRECTORIES[kind], content.sha256))


async def check_in_child(request: CheckRequest) -> Verdict:
    """Return the answer of a child process; raises CheckFailed if it gives none."""
    try:
        return await run_worker(
            "sidecar.check.worker", request, Verdict, memory=MEMORY, seconds=SECONDS
        )
    except WorkerFailed as error:
        raise CheckFailed(str(error)) from error


def _target(path: Path) -> Path | None:
    """The regular file of the same volume to which the path leads, which may be the path itself.

    Falco follows a link out of the volume as well; this process, which has a token, does not.
    """
    try:
        target = path.resolve()
        is_inside = target.is_relative_to(path.parent.resolve())
    except (OSError, RuntimeError):  # a circle of links
        return None
    return target if is_inside and target.is_file() else None


def _json(value: object) -> str:
    return "" if value is None else msgspec.json.encode(value).decode()


def _foreign_slots(foreign: _Foreign) -> Iterator[CheckedSlot]:
    """Slots for the files of others that Falco loads; they stay whatever is decided."""
    for directory, (kind, extensions) in _LOADED.items():
        for path, target in foreign[directory].items():
            if path.name.endswith(extensions):
                version = CheckedVersion(str(target))
                yield CheckedSlot(str(path), kind, path.name, version, stays=True)
