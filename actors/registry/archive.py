"""Reads the one file of a layer, which is a gzipped tar archive from outside.

The stream is read once, in constant memory. Every size and count in the archive is held against a
bound before it is used. Names of entries are checked, and never used as paths.
Sources: POSIX pax, "ustar Interchange Format"; GNU tar, "Basic Tar Format"; RFC 1952.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, NamedTuple

from resources.text.messages import shown_unquoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PIECE = 64 * 1024
_BLOCK = 512
# Headers of all kinds in one archive, and bytes of names and attributes in one extension header.
_MOST_ENTRIES = 100
_MOST_EXTENSION = 64 * 1024
# Members of gzip. Parallel packers make one for every 64 KiB or more.
_MOST_MEMBERS = 10_000
_GZIP = 31  # for zlib: the largest window, with gzip's header

_FILES = frozenset({b"0", b"\0", b"7"})
_DIRECTORY = b"5"
_PAX, _PAX_FOR_ALL, _LONG_NAME, _LONG_LINK = b"x", b"g", b"L", b"K"
_EXTENSIONS = frozenset({_PAX, _PAX_FOR_ALL, _LONG_NAME, _LONG_LINK})
_REFUSED = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a device",
    b"4": "a device",
    b"6": "a pipe",
    b"S": "a sparse file",
}


class ArchiveError(ValueError):
    """The archive does not hold exactly one regular file, or is no archive."""


class _Entry(NamedTuple):
    kind: bytes
    name: str
    size: int


class _Extension(NamedTuple):
    """The name and size that extension headers give the entry that follows them."""

    name: str | None = None
    size: int | None = None


def only_file(chunks: Iterable[bytes], most_bytes: int) -> Iterator[bytes]:
    """Yield the content of the archive's only file, piece by piece.

    The content is valid only once the iterator has ended. Chunks after the end of the archive are
    not requested.

    Raises:
        ArchiveError: the archive holds anything else, or the file has more than `most_bytes`.
    """
    stream = _Stream(_unzipped(iter(chunks)))
    file_name: str | None = None
    for entry in _entries(stream):
        if entry.kind == _DIRECTORY:
            continue
        if file_name is not None:
            names = f"{shown_unquoted(file_name)} and {shown_unquoted(entry.name)}"
            raise ArchiveError(f"the archive holds more than one file: {names}")
        if entry.size > most_bytes:
            raise ArchiveError(
                f"the archive's file has {entry.size} bytes, allowed are {most_bytes}"
            )
        file_name = entry.name
        yield from stream.pieces(entry.size)
        stream.skip(-entry.size % _BLOCK)
    if file_name is None:
        raise ArchiveError("the archive holds no file")


def _unzipped(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The unpacked content of all gzip members, in pieces of bounded size."""
    rest = b""
    for _ in range(_MOST_MEMBERS):
        member = zlib.decompressobj(wbits=_GZIP)
        while not member.eof:
            rest = rest or next(chunks, b"")
            if not rest:
                return
            try:
                piece = member.decompress(rest, _PIECE)
            except zlib.error:
                raise ArchiveError("the layer is no valid gzip data") from None
            rest = member.unconsumed_tail
            if piece:
                yield piece
        rest = member.unused_data
    raise ArchiveError("the layer's gzip data is in too many parts")


class _Stream:
    """Reads a given number of bytes from a stream of pieces."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._source = pieces
        self._piece = memoryview(b"")

    def read(self, size: int) -> bytes:
        """Exactly `size` bytes, in memory; fewer only at the end of the stream."""
        parts = bytearray()
        while len(parts) < size and self._fill():
            parts += self._take(size - len(parts))
        return bytes(parts)

    def pieces(self, size: int) -> Iterator[bytes]:
        """Yield exactly `size` bytes; raises ArchiveError if the stream ends before."""
        while size:
            if not self._fill():
                raise ArchiveError("the archive ends too early")
            piece = self._take(size)
            size -= len(piece)
            yield bytes(piece)

    def skip(self, size: int) -> None:
        """Skip `size` bytes."""
        for _ in self.pieces(size):
            pass

    def _fill(self) -> bool:
        if not self._piece:
            self._piece = memoryview(next(self._source, b""))
        return bool(self._piece)

    def _take(self, most: int) -> memoryview:
        taken, self._piece = self._piece[:most], self._piece[most:]
        return taken


def _entries(stream: _Stream) -> Iterator[_Entry]:
    """The regular files and directories of the archive; extension headers are applied to them."""
    extension = _Extension()
    for _ in range(_MOST_ENTRIES + 1):
        block = stream.read(_BLOCK)
        if not block.strip(b"\0"):
            return  # the end of the archive; some writers just end the stream
        entry = _header(block)
        if entry.kind in _EXTENSIONS:
            extension = _extended(extension, entry, stream)
            continue
        yield _allowed(entry, extension)
        extension = _Extension()
    raise ArchiveError(f"the archive has more than {_MOST_ENTRIES} entries")


def _allowed(entry: _Entry, extension: _Extension) -> _Entry:
    """The entry with the values of its extension; raises ArchiveError if it is not allowed."""
    name = entry.name if extension.name is None else extension.name
    if entry.kind not in _FILES and entry.kind != _DIRECTORY:
        what = _REFUSED.get(entry.kind, f"an entry of type {entry.kind!r}")
        raise ArchiveError(f"the archive holds {what}: {shown_unquoted(name)}")
    if name.startswith("/"):
        raise ArchiveError(f"the archive holds an absolute name: {shown_unquoted(name)}")
    if ".." in name.split("/"):
        raise ArchiveError(f"the archive holds a name that leads out of it: {shown_unquoted(name)}")
    return _Entry(entry.kind, name, entry.size if extension.size is None else extension.size)


def _header(block: bytes) -> _Entry:
    """Read one header block, as ustar and GNU tar write it."""
    if len(block) < _BLOCK:
        raise ArchiveError("the archive ends too early")
    # The checksum counts its own field as blanks.
    unsigned = sum(block[:148]) + sum(block[156:]) + 8 * 0x20
    if _octal(block[148:156]) != unsigned:
        raise ArchiveError("the layer is no valid tar archive")
    name = _text(block[:100])
    prefix = _text(block[345:500]) if block[257:263] == b"ustar\0" else ""
    return _Entry(block[156:157], f"{prefix}/{name}" if prefix else name, _number(block[124:136]))


def _extended(extension: _Extension, entry: _Entry, stream: _Stream) -> _Extension:
    """Add an extension header, whose content follows it in the stream."""
    if entry.size > _MOST_EXTENSION:
        raise ArchiveError(f"the archive has a header of {entry.size} bytes")
    content = b"".join(stream.pieces(entry.size))
    stream.skip(-entry.size % _BLOCK)
    if entry.kind == _LONG_NAME:
        return extension._replace(name=_text(content))
    if entry.kind == _PAX:
        return _with_pax(extension, content)
    return extension  # the name of a link, which is refused later, or attributes of all files


def _with_pax(extension: _Extension, content: bytes) -> _Extension:
    """Add pax records, each `<length> <key>=<value>` and a line break."""
    while content:
        digits, _, _ = content[:20].partition(b" ")
        length = _decimal(digits)
        record, content = content[:length], content[length:]
        if length <= len(digits) + 2 or len(record) < length or record[-1:] != b"\n":
            raise ArchiveError("the archive has a broken pax header")
        key, _, value = record[len(digits) + 1 : -1].partition(b"=")
        if key == b"path":
            extension = extension._replace(name=_text(value))
        elif key == b"size":
            extension = extension._replace(size=_decimal(value))
        elif key.startswith(b"GNU.sparse."):
            raise ArchiveError("the archive holds a sparse file")
    return extension


def _decimal(digits: bytes) -> int:
    if not digits.isdigit() or len(digits) > 20:
        raise ArchiveError("the archive has a broken pax header")
    return int(digits)


def _octal(field: bytes) -> int:
    digits = field.split(b"\0", 1)[0].strip(b" ")
    if digits.strip(b"01234567"):
        raise ArchiveError("the layer is no valid tar archive")
    return int(digits or b"0", 8)


def _number(field: bytes) -> int:
    """A size: octal, or for large ones binary with the highest bit set."""
    if field[0] & 0x80:
        return int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
    return _octal(field)


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("utf-8", "replace")
