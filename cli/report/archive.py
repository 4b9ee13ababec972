"""A ZIP file of bounded size, whose entries have names that every system can unpack."""

from __future__ import annotations

import io
import re
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_OF_ENTRY = 2 << 20
MOST_OF_ALL = 64 << 20
LEFT_OUT = "left-out.txt"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
_DEVICE = re.compile(r"(?:con|prn|aux|nul|(?:com|lpt)[0-9])(?:\..*)?", re.IGNORECASE)
_LONGEST = 120
# Every entry has the same: nothing depends on the clock of the machine.
_DATE = (1980, 1, 1, 0, 0, 0)


class Archive:
    """Takes in entries, and says what of them it left out."""

    def __init__(self, root: str, most: int = MOST_OF_ALL) -> None:
        """`root` is the folder of all entries; `most` is how many bytes they may have."""
        self._root = root
        self._left = most
        self._entries: list[tuple[zipfile.ZipInfo, bytes]] = []
        self._names: set[str] = set()
        self.left_out: list[str] = []

    def add(self, path: Iterable[str], text: str) -> None:
        """Add a text at a path; of one that is too long, its end is kept."""
        name = "/".join(_safe(part) for part in path)
        data = text.encode("utf-8", "replace")
        if len(data) > MOST_OF_ENTRY:
            self.left_out.append(f"{name}: all but its last {MOST_OF_ENTRY} bytes")
            data = data[-MOST_OF_ENTRY:]
        if len(data) > self._left:
            self.left_out.append(f"{name}: there was no room for its {len(data)} bytes")
            return
        self._left -= len(data)
        self._write(name, data)

    def finished(self) -> bytes:
        """The ZIP file, with the list of what was left out; to be called once."""
        told = "".join(f"{line}\n" for line in self.left_out) or "nothing\n"
        self._write(LEFT_OUT, told.encode()[:MOST_OF_ENTRY])
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as opened:
            for entry, data in self._entries:
                opened.writestr(entry, data)
        return content.getvalue()

    def _write(self, name: str, data: bytes) -> None:
        unique, number = name, 1
        while unique.lower() in self._names:
            number += 1
            unique = f"{name}.{number}"
        self._names.add(unique.lower())
        entry = zipfile.ZipInfo(f"{self._root}/{unique}", _DATE)
        entry.external_attr = 0o600 << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        self._entries.append((entry, data))


def _safe(part: str) -> str:
    """A name of a file that is no other path, no device of Windows, and not too long."""
    text = _UNSAFE.sub("_", part)[:_LONGEST].lstrip(".").rstrip(".")
    return f"_{text}" if _DEVICE.fullmatch(text) else text or "_"
