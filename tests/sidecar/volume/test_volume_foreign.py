"""What is not ours stays as it is, and leads us nowhere."""

import json

import pytest

from resources.node.files import Directory
from sidecar.volume.disk import SUBDIRECTORY, Disk, VolumeError
from sidecar.volume.volume import Volume
from tests.sidecar.volume.node_directories import (
    AFTER,
    BEFORE,
    CONFIG,
    CONTENTS,
    MANIFEST,
    RULE,
    RULES,
    check_converged,
    digests,
    file,
    install,
    loaded,
    paths,
    put,
    seen,
    started,
)


def as_file(path):
    path.write_bytes(b"theirs")


def as_same_file(path):
    path.write_bytes(CONTENTS[RULE])


def as_directory(path):
    path.mkdir()


def as_link(path):
    (path.parent.parent / "target").write_bytes(b"target")
    path.symlink_to(path.parent.parent / "target")


@pytest.mark.parametrize("occupy", [as_file, as_same_file, as_directory, as_link])
def test_what_is_not_ours_is_never_touched_and_told_and_ours_comes_once_it_is_gone(root, occupy):
    (root / RULES).mkdir(parents=True)
    occupy(root / RULE)
    before = (root / RULE).lstat()
    volume = started(root)
    assert volume.foreign(Directory.RULES) == [root / RULE]
    for _ in range(2):
        applied = install(volume, CONTENTS)
        assert paths(applied.conflicts) == [RULE]
        volume = started(root)
    install(volume, {})
    assert (root / RULE).lstat() == before
    move = (root / RULE).rename(root / "moved")
    if move.is_symlink():
        assert move.read_bytes() == b"target"
    assert install(volume, CONTENTS).conflicts == ()
    assert seen(root) == CONTENTS
    assert volume.foreign(Directory.RULES) == []


def test_a_file_of_ours_that_became_a_link_is_not_followed_and_not_ours(root, volume):
    target = root / "target"
    target.write_bytes(b"target")
    (root / RULE).unlink()
    (root / RULE).symlink_to(target)
    assert install(volume, {}).conflicts == ()
    assert install(started(root), CONTENTS).conflicts == (file(RULE, CONTENTS[RULE]),)
    assert (root / RULE).is_symlink()
    assert target.read_bytes() == b"target"


@pytest.mark.parametrize(
    "path",
    [
        RULES,
        f"{RULES}/{SUBDIRECTORY}",
        f"{RULES}/{SUBDIRECTORY}/blobs",
        f"{RULES}/{SUBDIRECTORY}/staged",
        f"{RULES}/{SUBDIRECTORY}/pulls",
        f"{CONFIG}/{SUBDIRECTORY}",
    ],
)
@pytest.mark.parametrize("kind", ["link", "file"])
def test_where_a_directory_of_ours_is_something_else_nothing_is_done(root, path, kind):
    elsewhere = root / "elsewhere"
    elsewhere.mkdir(parents=True)
    (elsewhere / "theirs").write_bytes(b"theirs")
    (root / path).parent.mkdir(parents=True)
    if kind == "link":
        (root / path).symlink_to(elsewhere)
    else:
        (root / path).write_bytes(b"")
    volume = Volume(root, Disk())
    with pytest.raises(VolumeError, match=rf"cannot (use|read) {root / path}: "):
        install_after_load(volume)
    assert [path.name for path in elsewhere.iterdir()] == ["theirs"]


def install_after_load(volume):
    volume.load()
    install(volume, CONTENTS)


def test_a_manifest_behind_a_link_is_not_read(root):
    (root / "elsewhere").mkdir(parents=True)
    (root / "elsewhere" / "manifest.json").write_text('{"slots": {"a": 1}, "gateOpened": true}')
    (root / CONFIG).mkdir(parents=True)
    (root / CONFIG / SUBDIRECTORY).symlink_to(root / "elsewhere")
    manifest = loaded(root)
    assert (manifest.slots, manifest.gate_opened) == ({}, False)


@pytest.mark.parametrize("junk", [b"", b"{", b"[]", b'{"files": {"../../etc/passwd": ""}}'])
def test_without_a_readable_manifest_what_can_only_be_ours_is(root, volume, junk, caplog):
    install(volume, BEFORE)
    (root / MANIFEST).write_bytes(junk)
    volume = Volume(root, Disk())
    manifest = volume.load()
    assert manifest.files == digests(BEFORE)
    assert (manifest.slots, manifest.gate_opened) == ({}, False)
    assert "manifest.json" in caplog.text
    install(volume, AFTER)
    check_converged(root, AFTER)


def test_a_name_that_was_only_going_to_be_ours_is_not_if_somebody_else_takes_it(root):
    """Between the record of what is to come and the rename the process was killed."""
    volume = started(root)
    put(volume, CONTENTS)
    pending = {RULE: file(RULE, CONTENTS[RULE]).sha256}
    (root / MANIFEST).write_text(json.dumps({"pending": pending}))
    (root / RULE).write_bytes(b"theirs")
    assert started(root).foreign(Directory.RULES) == [root / RULE]
    (root / RULE).write_bytes(CONTENTS[RULE])
    assert started(root).foreign(Directory.RULES) == []
