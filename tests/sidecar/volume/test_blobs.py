import os
import stat
import threading

import pytest

from resources.node.files import Directory
from sidecar.volume.blobs import Blobs
from sidecar.volume.disk import SUBDIRECTORY, Disk, VolumeError
from tests.sidecar.volume.killed import Trace, WatchedDisk
from tests.sidecar.volume.node_directories import leftovers, sha256

RULES, PLUGINS = Directory.RULES, Directory.PLUGINS
CONTENT = b"- rule: a\n"
NAME = sha256(CONTENT)


@pytest.fixture
def blobs(tmp_path):
    return Blobs(tmp_path, Disk())


def pulled(blobs, directory=PLUGINS, content=CONTENT):
    """A file as a child process leaves it."""
    path, file = blobs.receive(directory)
    with file:
        file.write(content)
    return path


def test_what_was_put_is_there_in_that_directory(blobs):
    assert not blobs.has(RULES, NAME)
    assert blobs.put(RULES, CONTENT) == NAME
    assert blobs.has(RULES, NAME)
    assert blobs.path(RULES, NAME).read_bytes() == CONTENT
    assert not blobs.has(PLUGINS, NAME)


@pytest.mark.parametrize(("directory", "mode"), [(RULES, 0o644), (PLUGINS, 0o755)])
def test_it_has_the_permissions_of_the_directorys_files(blobs, directory, mode):
    blobs.put(directory, CONTENT)
    assert stat.S_IMODE(blobs.path(directory, NAME).stat().st_mode) == mode
    blobs.adopt(directory, pulled(blobs, directory, b"more"), sha256(b"more"))
    kept = blobs.path(directory, sha256(b"more"))
    assert stat.S_IMODE(kept.stat().st_mode) == mode


def test_what_is_there_is_not_written_again(tmp_path):
    trace = Trace()
    blobs = Blobs(tmp_path, WatchedDisk(trace))
    blobs.put(RULES, CONTENT)
    trace.clear()
    blobs.put(RULES, CONTENT)
    assert trace == []


def test_content_is_on_disk_before_it_has_its_name(tmp_path):
    trace = Trace()
    blobs = Blobs(tmp_path, WatchedDisk(trace))
    blobs.put(RULES, CONTENT)
    assert [what for what, _ in trace[-4:]] == ["write", "write half of", "sync", "rename"]
    path = pulled(blobs)
    trace.clear()
    blobs.adopt(PLUGINS, path, NAME)
    assert trace == [("sync", str(path)), ("rename", str(blobs.path(PLUGINS, NAME)))]


@pytest.mark.parametrize("damage", [lambda p: p.write_bytes(b"x"), lambda p: os.truncate(p, 3)])
def test_a_damaged_blob_is_not_there_and_put_again_it_is(blobs, damage):
    blobs.put(RULES, CONTENT)
    damage(blobs.path(RULES, NAME))
    assert not blobs.has(RULES, NAME)
    blobs.put(RULES, CONTENT)
    assert blobs.has(RULES, NAME)


def test_what_was_pulled_is_moved(blobs):
    path = pulled(blobs)
    blobs.adopt(PLUGINS, path, NAME)
    assert blobs.path(PLUGINS, NAME).read_bytes() == CONTENT
    assert not path.exists()
    blobs.adopt(PLUGINS, pulled(blobs), NAME)
    assert not path.exists()


def test_nobody_else_reads_what_is_being_pulled(blobs):
    path, file = blobs.receive(PLUGINS)
    with file:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_was_pulled_and_is_something_else_is_refused_and_removed(blobs):
    path = pulled(blobs, content=b"something else")
    with pytest.raises(VolumeError, match=r"cannot take .*pulls/0: it is not what it was said"):
        blobs.adopt(PLUGINS, path, NAME)
    assert not blobs.has(PLUGINS, NAME)
    assert leftovers(blobs._root) == []


def test_a_link_is_not_adopted_whatever_it_leads_to(blobs, tmp_path):
    (tmp_path / "secret").write_bytes(CONTENT)
    path = pulled(blobs)
    path.unlink()
    path.symlink_to(tmp_path / "secret")
    with pytest.raises(VolumeError):
        blobs.adopt(PLUGINS, path, NAME)
    assert not path.is_symlink()
    assert (tmp_path / "secret").read_bytes() == CONTENT


def test_a_link_in_place_of_a_blob_is_no_blob(blobs, tmp_path):
    (tmp_path / "elsewhere").write_bytes(CONTENT)
    blobs.put(RULES, b"another")
    blobs.path(RULES, NAME).symlink_to(tmp_path / "elsewhere")
    assert not blobs.has(RULES, NAME)
    blobs.put(RULES, CONTENT)
    assert not blobs.path(RULES, NAME).is_symlink()


def test_what_is_not_kept_goes_once_there_was_time_to_ask_for_it(blobs):
    blobs.put(RULES, CONTENT)
    blobs.collect([])
    assert blobs.has(RULES, NAME)
    blobs.collect([NAME])
    assert blobs.has(RULES, NAME)
    blobs.collect([])
    assert not blobs.has(RULES, NAME)


def test_what_came_again_has_time_again(blobs):
    blobs.put(RULES, CONTENT)
    blobs.collect([])
    blobs.put(RULES, CONTENT)
    blobs.collect([])
    assert blobs.has(RULES, NAME)


def test_what_a_former_process_kept_goes_unless_it_is_asked_for(blobs, tmp_path):
    blobs.put(RULES, CONTENT)
    blobs.put(RULES, b"other")
    again = Blobs(tmp_path, Disk())
    again.collect([NAME])
    assert again.has(RULES, NAME)
    assert not again.has(RULES, sha256(b"other"))


def test_what_is_active_stays_for_it_takes_no_room(blobs):
    blobs.put(RULES, CONTENT)
    (blobs.path(RULES, NAME).parents[2] / "active").hardlink_to(blobs.path(RULES, NAME))
    blobs.collect([])
    blobs.collect([])
    assert blobs.has(RULES, NAME)


def test_collecting_before_anything_was_put_does_nothing(blobs, tmp_path):
    blobs.collect([])
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_cleared(blobs):
    pulls = pulled(blobs, RULES).parent
    nested = pulls / "unpacked" / "deep"
    nested.mkdir(parents=True)
    (nested / "file").write_bytes(b"")
    (pulls / "link").symlink_to(blobs._root)
    (pulls.with_name("staged") / "17").write_bytes(b"half")
    blobs.put(RULES, CONTENT)
    blobs.clear()
    assert leftovers(blobs._root) == []
    assert blobs.has(RULES, NAME)


def test_many_threads_put_and_collect_at_once(blobs):
    contents = [bytes([n]) * 1000 for n in range(20)]
    names = [sha256(content) for content in contents]
    errors = []

    def put_all():
        try:
            for content, name in zip(contents, names, strict=True):
                assert blobs.put(RULES, content) == name
                assert blobs.path(RULES, name).read_bytes() == content
                blobs.collect(names)
        except BaseException as error:  # noqa: BLE001 - asserted below
            errors.append(error)

    threads = [threading.Thread(target=put_all) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert {path.name for path in blobs._root.glob(f"**/{SUBDIRECTORY}/blobs/*")} == {*names}
    assert leftovers(blobs._root) == []


@pytest.mark.parametrize("name", [SUBDIRECTORY, f"{SUBDIRECTORY}/blobs"])
def test_nothing_is_collected_where_a_link_leads(tmp_path, name):
    root = tmp_path / "root"
    blobs = Blobs(root, Disk())
    blobs.put(RULES, b"ours")
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "blobs").mkdir(parents=True)
    for place in (elsewhere, elsewhere / "blobs"):
        (place / "theirs").touch()
    path = root / RULES.value / name
    path.rename(tmp_path / "moved")
    path.symlink_to(elsewhere)
    blobs.collect(())
    blobs.clear()
    assert (elsewhere / "theirs").exists()
    assert (elsewhere / "blobs" / "theirs").exists()


def test_what_a_stranger_left_where_files_are_staged_is_cleared_without_waiting_for_it(tmp_path):
    root = tmp_path / "root"
    blobs = Blobs(root, Disk())
    staged = pulled(blobs, RULES).parent.with_name("staged")
    (staged / "a" / "b").mkdir(parents=True)
    os.mkfifo(staged / "a" / "pipe")
    (staged / "a" / "link").symlink_to(root)
    blobs.clear()
    assert list(staged.iterdir()) == []
    assert root.exists()
