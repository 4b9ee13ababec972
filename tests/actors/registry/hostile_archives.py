"""Layers, most of which nobody should unpack."""

import gzip
import io
import tarfile
import zlib

MEGABYTE = 1 << 20
RULES = b"- macro: opened\n  condition: evt.type = open\n"


def entry(name, content=b"", kind=tarfile.REGTYPE, **fields):
    """A header, the content and its padding."""
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    header = info.tobuf(tarfile.PAX_FORMAT)
    return header + content + b"\0" * (-len(content) % 512)


def link(name, target):
    """A symbolic link."""
    return entry(name, kind=tarfile.SYMTYPE, linkname=target)


def packed(*entries):
    """A gzipped archive of these entries."""
    return gzip.compress(b"".join(entries) + b"\0" * 1024, mtime=0)


def good():
    return packed(entry("rules.yaml", RULES))


def repeated(first, piece, times):
    """What `first` and then so many times `piece` gzip to, without ever holding it all."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    begin = packer.compress(first) + packer.flush(zlib.Z_FULL_FLUSH)
    one = packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)
    return begin + one * times


def bomb(declared):
    """Two megabytes that unpack to two gigabytes: a file that says it has so many bytes."""
    header = entry("rules.yaml", size=declared)
    return repeated(header, b"\0" * MEGABYTE, 2048)


def pax_bomb():
    """Two gigabytes of attributes of a file."""
    header = entry("pax", kind=tarfile.XHDTYPE, size=2048 * MEGABYTE)
    return repeated(header, b"\0" * MEGABYTE, 2048)


def million_entries():
    thousand = entry("directory", kind=tarfile.DIRTYPE) * 1000
    return repeated(b"", thousand, 1000)


def endless_pax():
    """Attributes of attributes, and never a file."""
    return repeated(b"", entry("pax", b"11 path=ab\n", tarfile.XHDTYPE) * 100, 100)


def in_many_members():
    """A gzip member for nothing, again and again."""
    return gzip.compress(b"", mtime=0) * 100_000


def as_python_packs(form, name):
    """A file, packed by Python's own tarfile."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", format=form) as tar:
        info = tarfile.TarInfo(name)
        info.size = len(RULES)
        tar.addfile(info, io.BytesIO(RULES))
    return out.getvalue()
