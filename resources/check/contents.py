"""The contents of all files that a node could activate, within a limit for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resources.configuration import fragment as config_content
from resources.configuration.fragment import ConfigContent
from resources.rules import rules_file as rules_content
from resources.rules.items import RulesContent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from resources.check.check_request import CheckedSlot, CheckedVersion

# Limits for all wanted files together. The official rules have 200 KB and 7,000 values.
MAX_BYTES = 8 << 20
MAX_VALUES = 200_000


class _Size(NamedTuple):
    bytes: int
    values: int

    def without(self, other: _Size) -> _Size:
        return _Size(self.bytes - other.bytes, self.values - other.values)


class NodeContents:
    """Contents by path, each file read once.

    The content of a file that cannot be read, or that exceeds the limits, is a problem.
    """

    def __init__(
        self,
        slots: Sequence[CheckedSlot],
        read: Callable[[str], bytes],
        falco: tuple[int, int] | None,
    ) -> None:
        """Read installed files, then new ones, in the order of the slots."""
        self._read = read
        self._falco = falco
        self.rules: dict[str, RulesContent] = {}
        self.configs: dict[str, ConfigContent] = {}
        self._sizes: dict[tuple[str, str], _Size] = {}
        room = _Size(MAX_BYTES, MAX_VALUES)
        files = [slot for slot in slots if slot.kind != "plugin"]
        for slot in files:
            for known in (slot.good, slot.loaded):
                if known is not None:
                    self._keep(slot.kind, known.path)
            if slot.wanted is not None and not _is_new(slot, slot.wanted):
                self._keep(slot.kind, slot.wanted.path)
                room = room.without(self._sizes[slot.kind, slot.wanted.path])
        for slot in files:
            if slot.wanted is not None and _is_new(slot, slot.wanted):
                room = room.without(self._take(slot.kind, slot.wanted.path, room))

    @property
    def values(self) -> int:
        """The number of YAML values in all files."""
        return sum(size.values for size in self._sizes.values())

    def of(self, slot: CheckedSlot, version: CheckedVersion) -> RulesContent | ConfigContent:
        """The content of a version of a rules file or configuration."""
        return (self.rules if slot.kind == "rules" else self.configs)[version.path]

    def _keep(self, kind: str, path: str) -> None:
        if (kind, path) in self._sizes:
            return
        try:
            data = self._read(path)
        except OSError as error:
            self._set_problem(
                kind, path, f"the file cannot be read: {error.strerror or type(error).__name__}"
            )
            return
        content: RulesContent | ConfigContent
        if kind == "rules":
            content = self.rules[path] = rules_content.read(data, self._falco)
        else:
            content = self.configs[path] = config_content.read(data, self._falco)
        self._sizes[kind, path] = _Size(len(data), content.values)

    def _take(self, kind: str, path: str, room: _Size) -> _Size:
        """Read a new file, or refuse it if it exceeds `room`; return the room that it takes."""
        was_there = (kind, path) in self._sizes
        self._keep(kind, path)
        size = self._sizes[kind, path]
        if was_there or (size.bytes <= room.bytes and size.values <= room.values):
            return size
        limit = f"{MAX_BYTES >> 20} MiB" if size.bytes > room.bytes else f"{MAX_VALUES} values"
        self._set_problem(kind, path, f"all artifacts of this node together exceed {limit}")
        return _Size(0, 0)

    def _set_problem(self, kind: str, path: str, problem: str) -> None:
        self._sizes[kind, path] = _Size(0, 0)
        if kind == "rules":
            self.rules[path] = RulesContent(problems=(problem,), unread=True, unsafe=(problem,))
        else:
            self.configs[path] = ConfigContent(problems=(problem,), unread=True, unsafe=(problem,))


def _is_new(slot: CheckedSlot, version: CheckedVersion) -> bool:
    return version != slot.good and not slot.stays
