"""Layers are read in constant memory, and only if they hold one file and nothing else."""

import gzip
import tarfile
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actors.registry.archive import ArchiveError, only_file
from tests.actors.registry import hostile_archives as hostile
from tests.actors.registry.hostile_archives import MEGABYTE, RULES, entry, packed

DIRECTORY = entry("./", kind=tarfile.DIRTYPE)


def content(layer, size=64 * 1024, most=MEGABYTE):
    chunks = (layer[start : start + size] for start in range(0, len(layer), size))
    return b"".join(only_file(chunks, most))


@pytest.mark.parametrize(
    "layer",
    [
        hostile.good(),
        packed(DIRECTORY, entry("./rules.yaml", RULES)),
        packed(entry("rules.yaml", RULES, tarfile.AREGTYPE)),
        packed(entry("rules.yaml", RULES, tarfile.CONTTYPE)),
        gzip.compress(entry("no-end-marker.yaml", RULES)),
        hostile.as_python_packs(tarfile.PAX_FORMAT, "a" * 300),
        hostile.as_python_packs(tarfile.GNU_FORMAT, "a" * 300),
        hostile.as_python_packs(tarfile.USTAR_FORMAT, f"{'a' * 120}/{'b' * 90}"),
        packed(entry("g", b"18 comment=global\n", tarfile.XGLTYPE), entry("r.yaml", RULES)),
        packed(
            entry("p", b"11 size=%d\n" % len(RULES), tarfile.XHDTYPE),
            entry("r.yaml", size=0) + RULES + b"\0" * (512 - len(RULES)),
        ),
        gzip.compress(entry("rules.yaml", RULES)[:700]) + gzip.compress(RULES[188:] + b"\0" * 3000),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 512, 64 * 1024])
def test_one_file_is_unpacked_whoever_packed_it(layer, size):
    assert content(layer, size) == RULES


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (packed(entry("a", RULES), entry("b", RULES)), "more than one file: a and b"),
        (packed(entry("a", b""), entry("b", b"")), "more than one file: a and b"),
        (packed(), "the archive holds no file"),
        (packed(DIRECTORY), "the archive holds no file"),
        (gzip.compress(b""), "the archive holds no file"),
        (packed(entry("a", kind=tarfile.SYMTYPE, linkname="/etc/passwd")), "a symbolic link: a"),
        (packed(entry("a", kind=tarfile.LNKTYPE, linkname="b")), "a hard link: a"),
        (packed(entry("a", kind=tarfile.CHRTYPE)), "a device: a"),
        (packed(entry("a", kind=tarfile.BLKTYPE)), "a device: a"),
        (packed(entry("a", kind=tarfile.FIFOTYPE)), "a pipe: a"),
        (packed(entry("a", kind=tarfile.GNUTYPE_SPARSE)), "a sparse file: a"),
        (packed(entry("a", kind=b"Z")), "an entry of type b'Z': a"),
        (packed(entry("/etc/rules.yaml", RULES)), "an absolute name: /etc/rules.yaml"),
        (packed(entry("../rules.yaml", RULES)), "leads out of it: ../rules.yaml"),
        (packed(entry("a/../../b", RULES)), r"leads out of it: a/\.\./\.\./b"),
        (packed(entry("..", kind=tarfile.DIRTYPE)), r"leads out of it: \.\."),
        (packed(entry("p", b"14 path=/etc/x\n", tarfile.XHDTYPE), entry("a", RULES)), "broken pax"),
        (packed(entry("p", b"15 path=/etc/x\n", tarfile.XHDTYPE), entry("a", RULES)), "absolute"),
        (packed(entry("p", b"16 path=/etc/x\n", tarfile.XHDTYPE), entry("a", RULES)), "broken pax"),
        (packed(entry("p", b"99999999999999999999 a=b\n", tarfile.XHDTYPE)), "broken pax"),
        (packed(entry("p", b"x", tarfile.XHDTYPE)), "broken pax"),
        (packed(entry("p", b"0 ", tarfile.XHDTYPE)), "broken pax"),
        (packed(entry("p", b"22 GNU.sparse.major=1\n", tarfile.XHDTYPE)), "a sparse file"),
        (packed(entry("p", b"15 size=999999\n", tarfile.XHDTYPE), entry("a", RULES)), "too early"),
        (packed(entry("l", b"/etc/x\0", tarfile.GNUTYPE_LONGNAME), entry("a")), "absolute name"),
        (gzip.compress(b"no tar" * 200), "no valid tar archive"),
        (gzip.compress(hostile.entry("a", RULES)[:300]), "ends too early"),
        (gzip.compress(hostile.entry("a", RULES)[:530]), "ends too early"),
        (hostile.good()[:40], "no file|too early"),
        (b"no gzip", "no valid gzip data"),
        (b"", "the archive holds no file"),
        (packed(entry("a", size=MEGABYTE + 1)), "file has 1048577 bytes, allowed are 1048576"),
        (hostile.bomb(2**31), "file has 2147483648 bytes, allowed are 1048576"),
        (hostile.bomb(2**40), "file has 1099511627776 bytes"),
        (hostile.pax_bomb(), "a header of 2147483648 bytes"),
        (hostile.million_entries(), "more than 100 entries"),
        (hostile.endless_pax(), "more than 100 entries"),
        (hostile.in_many_members(), "too many parts"),
    ],
)
def test_anything_else_is_refused(layer, message):
    with pytest.raises(ArchiveError, match=message):
        content(layer)


def test_what_follows_the_end_of_the_archive_is_not_unpacked():
    taken = []

    def chunks():
        layer = hostile.repeated(entry("r.yaml", RULES), b"\0" * MEGABYTE, 2048)
        for start in range(0, len(layer), 4096):
            taken.append(start)
            yield layer[start : start + 4096]

    assert b"".join(only_file(chunks(), MEGABYTE)) == RULES
    assert len(taken) == 1


def test_names_are_shown_without_what_a_terminal_obeys():
    with pytest.raises(ArchiveError) as error:
        content(packed(entry("/\x1b[31m" + "x" * 95, RULES)))
    assert "\x1b" not in str(error.value)


@given(st.binary(max_size=2000), st.integers(1, 600))
@example(hostile.good()[:-1], 3)
def test_garbage_is_never_worse_than_an_archive_error(layer, size):
    for attempt in (layer, gzip.compress(layer)):
        with suppress(ArchiveError):
            content(attempt, size)


@given(st.data())
def test_no_changed_byte_breaks_the_reader(data):
    whole = bytearray(entry("p", b"15 path=rules.x\n"[:15], tarfile.XHDTYPE) + entry("a", RULES))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] = data.draw(st.integers(0, 255))
    with suppress(ArchiveError):
        content(gzip.compress(bytes(whole)))
