import os
import time

import pytest

from sidecar.volume import file_digests
from sidecar.volume.file_digests import FileDigests, FileState
from tests.sidecar.volume.node_directories import sha256


@pytest.fixture
def reads(monkeypatch):
    """The files that were read."""
    paths = []
    read = file_digests._read

    def count(path):
        paths.append(path)
        return read(path)

    monkeypatch.setattr(file_digests, "_read", count)
    return paths


@pytest.fixture
def aged(monkeypatch):
    """Every file counts as changed long ago: the time of change cannot be set."""
    monkeypatch.setattr(file_digests, "_TICK", -(1 << 40))


def age(path, seconds):
    when = time.time_ns() - int(seconds * 1e9)
    os.utime(path, ns=(when, when))


def test_a_file_is_known_by_its_content_and_permissions(tmp_path):
    (tmp_path / "a").write_bytes(b"content")
    (tmp_path / "a").chmod(0o751)
    assert FileDigests().find(tmp_path / "a") == FileState(sha256(b"content"), 0o751)


@pytest.mark.usefixtures("aged")
def test_an_old_file_is_read_once_whatever_its_name(tmp_path, reads):
    known = FileDigests()
    (tmp_path / "a").write_bytes(b"content")
    (tmp_path / "b").hardlink_to(tmp_path / "a")
    for name in "abab":
        assert known.find(tmp_path / name) == FileState(sha256(b"content"), 0o644)
    assert len(reads) == 1


def test_a_file_that_was_only_just_written_is_read_again_for_nobody_knows_whether_twice(tmp_path):
    known = FileDigests()
    path = tmp_path / "a"
    for number in range(50):
        content = b"%03d" % number
        path.write_bytes(content)
        assert known.find(path) == FileState(sha256(content), 0o644)


@pytest.mark.usefixtures("aged")
def test_a_changed_file_is_read_again(tmp_path):
    known = FileDigests()
    path = tmp_path / "a"
    for seconds, content in [(30, b"one"), (20, b"two"), (10, b"three")]:
        path.write_bytes(content)
        age(path, seconds)
        assert known.find(path) == FileState(sha256(content), 0o644)


@pytest.mark.usefixtures("aged")
def test_a_file_that_was_changed_behind_its_modification_time_is_read_again(tmp_path):
    path, known = tmp_path / "a", FileDigests()
    path.write_bytes(b"content")
    before = path.stat()
    assert known.find(path) == FileState(sha256(b"content"), 0o644)
    while path.stat().st_ctime_ns == before.st_ctime_ns:  # the clock of a file system is coarse
        path.write_bytes(b"changed")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert known.find(path) == FileState(sha256(b"changed"), 0o644)


def test_a_file_that_is_larger_than_any_of_ours_has_no_content(tmp_path, monkeypatch):
    monkeypatch.setattr(file_digests, "_MOST_BYTES", 5)
    for content, digest in [(b"12345", sha256(b"12345")), (b"123456", "")]:
        (tmp_path / "a").write_bytes(content)
        assert FileDigests().find(tmp_path / "a") == FileState(digest, 0o644)


def test_what_is_no_regular_file_is_not_there(tmp_path):
    (tmp_path / "directory").mkdir()
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    known = FileDigests()
    for name in ("absent", "directory", "link", "pipe", "file/below"):
        assert known.find(tmp_path / name) is None


def test_a_file_that_cannot_be_read_has_no_content(tmp_path):
    (tmp_path / "a").write_bytes(b"content")
    (tmp_path / "a").chmod(0)
    if os.access(tmp_path / "a", os.R_OK):
        pytest.skip("may read everything")
    assert FileDigests().find(tmp_path / "a") == FileState("", 0)


@pytest.mark.usefixtures("aged")
def test_however_many_files_there_are_not_more_is_remembered(tmp_path, monkeypatch):
    monkeypatch.setattr(file_digests, "_MOST_REMEMBERED", 3)
    known = FileDigests()
    for name in "abcdefg":
        (tmp_path / name).write_bytes(name.encode())
        assert known.find(tmp_path / name) == FileState(sha256(name.encode()), 0o644)
        assert len(known._known) <= 3


def test_a_file_larger_than_any_of_ours_is_not_read(tmp_path, reads):
    path = tmp_path / "a"
    path.touch()
    os.truncate(path, 1 << 40)
    assert FileDigests().find(path) == FileState("", 0o644)
    assert reads == []
