"""Verdicts of Falco, by all that they depend on: the same files are not asked for again.

They are kept in a file, which a restarted process of the same pod finds again.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from resources.check.check_request import CheckRequest, Verdict
from sidecar.volume.disk import read_bounded

if TYPE_CHECKING:
    from pathlib import Path

_log = logging.getLogger(__name__)
_MOST = 16
_MOST_BYTES = 1 << 20
_FILE = "falco-verdicts.json"
_ASKED = "falco-asked"
_MOST_DEATHS = 2
_MOST_ASKED = 200


class Verdicts:
    """The newest verdicts by key; those of an earlier process among them."""

    def __init__(self, directory: Path) -> None:
        """`directory` may be written by this process only."""
        self._path = directory / _FILE
        self._asked = directory / _ASKED
        self._known = self._kept()

    def find(self, key: str) -> Verdict | None:
        """The verdict with nothing in it that is to be counted again."""
        return self._known.get(key)

    def remember(self, verdict: Verdict, *keys: str) -> None:
        """Keep the verdict under these keys, in place of the oldest."""
        counted = replace(verdict, disagreements=None, dry_runs=0)
        for key in keys:
            self._known.pop(key, None)
            self._known[key] = counted
        for old in list(self._known)[:-_MOST]:
            del self._known[old]
        self._keep()

    def starts(self, key: str) -> bool:
        """Note that Falco is asked; False if two processes have ended while they asked the same.

        The kernel may end all processes of a container when one of them takes too much memory.
        """
        try:
            known, _, deaths = read_bounded(self._asked, _MOST_ASKED).decode().partition(" ")
        except (OSError, UnicodeDecodeError):
            known = deaths = ""
        count = int(deaths) if known == key and deaths.isdecimal() else 0
        if count >= _MOST_DEATHS:
            return False
        with suppress(OSError):
            self._asked.unlink(missing_ok=True)
            with self._asked.open("x") as file:
                file.write(f"{key} {count + 1}")
        return True

    def answered(self) -> None:
        """This process is still there after it has asked."""
        with suppress(OSError):
            self._asked.unlink(missing_ok=True)

    def _kept(self) -> dict[str, Verdict]:
        try:
            data = read_bounded(self._path, _MOST_BYTES)
            return msgspec.json.decode(data, type=dict[str, Verdict])
        except FileNotFoundError:
            return {}
        except (OSError, RecursionError, msgspec.DecodeError) as error:
            _log.info("verdicts of an earlier process cannot be read: %s", error)
            return {}

    def _keep(self) -> None:
        data = msgspec.json.encode(self._known)
        unfinished = self._path.with_suffix(".new")
        try:
            if len(data) > _MOST_BYTES:
                self._path.unlink(missing_ok=True)
                return
            unfinished.unlink(missing_ok=True)
            with unfinished.open("xb") as file:
                file.write(data)
            unfinished.replace(self._path)
        except OSError as error:
            _log.info("a restarted process will ask Falco again: %s", error)


def once_installed(request: CheckRequest, verdict: Verdict) -> CheckRequest:
    """The request that follows once what the verdict says is installed, and Falco has loaded it.

    Its verdict is the same, for the set that Falco took is.
    """
    slots = []
    for slot in request.slots:
        if slot.stays:
            slots.append(slot)
        elif slot.wanted is not None:
            versions = {"wanted": slot.wanted, "loaded": slot.loaded, "good": slot.good}
            good = versions.get(verdict.chosen[slot.id])
            slots.append(replace(slot, good=good, loaded=None))
    return replace(request, slots=tuple(slots))
