"""A Falco on a clock that stands still: it loads the files of a node, misses changes, and exits.

As Falco 0.44.1: it waits 100 ms for further changes, tries all files, and waits again; then it
loads them anew, sees no change meanwhile, does not answer, and exits if a file goes that it is to
read.
"""

import asyncio
import hashlib

from resources.node.falco_answer import FalcoAnswer
from resources.node.files import Directory
from resources.rules.versions import FalcoVersions
from sidecar.node.falco_client import FalcoAway
from tests.fake_clock import EPOCH
from tests.sidecar.volume.killed import WatchedDisk

_DEBOUNCE = 0.1
_WATCHED = (Directory.RULES, Directory.CONFIG)
_PAUSES = (10.0, 20.0, 40.0, 80.0, 160.0, 300.0)


class Exited(Exception):  # noqa: N818 - it tells of Falco, not of a failure of the test
    """Falco has ended."""


class SimulatedFalco:
    """Runs in the task of `run`; refuses files with `refused` in them, and dies of `deadly` ones.

    `seconds` are those of one load, of which it answers for the first half.
    """

    def __init__(self, root, clock, chance, seconds=(0.5, 2.0)):
        self._root = root
        self._clock = clock
        self._chance = chance
        self._seconds = seconds
        self._changed = asyncio.Event()
        self.loaded = None
        """What it runs: SHA-256 by path; None while it does not run."""
        self.reloaded_at = 0
        self.is_blind = False
        self.bears = b"\0"
        """What it does not refuse any more."""
        self.needs = ""
        """A file of this name must be there."""
        self.engine = "0.62.0"
        self.answers = 0
        self.exits = 0
        self.refusals = 0

    async def ask(self, _server):
        self.answers += 1
        if self.loaded is None:
            raise FalcoAway("it does not run")
        rules = {
            path.rpartition("/")[2]: digest
            for path, digest in self.loaded.items()
            if path.startswith(Directory.RULES.value)
        }
        versions = FalcoVersions("0.44.1", self.engine, "3.12.0")
        return FalcoAnswer(rules, self.reloaded_at, versions)

    def notice(self):
        """A file was renamed or removed; it is noticed if Falco looks."""
        if not self.is_blind:
            self._changed.set()

    async def run(self):
        """Start, and start again after each end, as the kubelet does."""
        ends = 0
        while True:
            try:
                await self._start()
                ends = 0
                while True:
                    await self._wait_for_change()
                    await self._start()
            except Exited:
                self.loaded = None
                self.exits += 1
                await self._clock.sleep(_PAUSES[min(ends, len(_PAUSES) - 1)])
                ends += 1

    async def _wait_for_change(self):
        """Until a change was tried, and no other has come since."""
        await self._changed.wait()
        while True:
            self._changed.clear()
            await self._clock.sleep(_DEBOUNCE)
            if self._changed.is_set():
                continue
            try:
                await self._read(self._duration() / 2)
            except Exited:
                self.refusals += 1
                await self._changed.wait()
                continue
            if not self._changed.is_set():
                await self._clock.sleep(_DEBOUNCE)
            if not self._changed.is_set():
                return

    async def _start(self):
        self.loaded = None
        reloaded_at = int(self._clock.now().timestamp() * 1e9)
        loaded = await self._read(self._duration() / 2, is_start=True)
        self.loaded, self.reloaded_at = loaded, reloaded_at
        self._changed.clear()  # what has come meanwhile is never noticed

    async def _read(self, seconds, *, is_start=False):
        paths = self._listed()
        await self._clock.sleep(seconds * self._chance.random())
        read = {}
        try:
            for path in paths:
                content = (self._root / path).read_bytes()
                if self._refuses(content) or (is_start and b"deadly" in content):
                    raise Exited(path)
                read[path] = hashlib.sha256(content).hexdigest()
        except FileNotFoundError as error:
            raise Exited(str(error)) from error
        if not any(path.endswith(self.needs) for path in paths or [""]):
            raise Exited(self.needs)
        await self._clock.sleep(seconds * self._chance.random())
        return read

    def _refuses(self, content):
        return b"refused" in content and self.bears not in content

    def _duration(self):
        return self._chance.uniform(*self._seconds)

    def _listed(self):
        return sorted(
            f"{place.value}/{path.name}"
            for place in _WATCHED
            for path in (self._root / place.value).glob("*.yaml")
        )


class SeenDisk(WatchedDisk):
    """Falco, if there is one, is told of what it watches."""

    def __init__(self, watch=lambda _what, _path: None):
        super().__init__(self._see)
        self.falco = None
        self._before = watch

    def _see(self, what, path):
        self._before(what, path)
        is_watched = any(path.parent.as_posix().endswith(place.value) for place in _WATCHED)
        if self.falco is not None and is_watched and what in {"rename", "remove"}:
            self.falco.notice()


def nanoseconds(clock):
    """The time of this clock, as Falco and file systems tell it."""
    return int(EPOCH.timestamp() * 1e9) + int(clock.monotonic() * 1e9)
