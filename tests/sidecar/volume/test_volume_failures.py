"""Where the disk fails, what was there is there again, and it goes on once the disk is well."""

import errno
import os
import resource
import shutil
import subprocess
from contextlib import contextmanager

import pytest

from sidecar.volume.disk import SUBDIRECTORY, Disk, VolumeError
from sidecar.volume.volume import Volume
from tests.sampled import every_step
from tests.sidecar.volume.killed import run
from tests.sidecar.volume.node_directories import (
    AFTER,
    BEFORE,
    FOREIGN,
    PLUGINS,
    RULES,
    check_converged,
    check_safe,
    file,
    install,
    leftovers,
    loaded,
    put,
    seen,
    started,
    write_foreign,
)

SLOTS = {"version": 1}
NEW_LIBRARY = f"{PLUGINS}/new.so"
# What needs room on a disk; removing never does.
NEEDS_ROOM = frozenset({"make", "write", "copy", "link", "rename", "sync"})


class FailingDisk(Disk):
    """Fails at the steps that `fails(number, what)` says, counted from 0."""

    def __init__(self, fails, number=errno.ENOSPC):
        self.fails = fails
        self._number = number
        self.steps = []

    @contextmanager
    def step(self, what, path):
        self.steps.append((what, path.name))
        with super().step(what, path):
            if self.fails(len(self.steps) - 1, what):
                raise OSError(self._number, os.strerror(self._number))
            yield


@pytest.fixture
def root(quick_directory):
    """With the files from before the update."""
    root = quick_directory / "root"
    write_foreign(root)
    restore(root)
    return root


def restore(root):
    volume = started(root)
    install(volume, BEFORE, SLOTS)


def update(volume):
    """Return the error, if there was one."""
    try:
        install(volume, AFTER)
    except VolumeError as error:
        return error
    return None


def steps_of_update(root):
    volume = started(root)
    disk = FailingDisk(lambda _number, _what: False)
    assert update(with_disk(volume, disk)) is None
    restore(root)
    return disk.steps


def with_disk(volume, disk):
    volume._disk = volume.blobs._disk = disk
    return volume


@every_step
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_step_that_fails_leaves_what_was_there_and_the_next_try_succeeds(root, number, stride):
    trace = steps_of_update(root)
    _, recorded, *_ = (n for n, (_, name) in enumerate(trace) if name == "manifest.json")
    for step in range(0, len(trace), stride):
        failing = FailingDisk(lambda n, _, step=step: n == step, number)
        volume = started(root)
        error = update(with_disk(volume, failing))
        if step <= recorded:
            assert os.strerror(number) in str(error)
            assert error.errno == number
            assert {**seen(root), **BEFORE} == seen(root)  # a new library may be there, too
            assert seen(root).keys() - BEFORE.keys() - FOREIGN.keys() <= {NEW_LIBRARY}
            assert loaded(root).slots == SLOTS
        assert leftovers(root) == []
        assert update(with_disk(volume, Disk())) is None
        check_converged(root, AFTER)
        restore(root)


def test_what_is_damaged_is_not_brought_back(root):
    number = steps_of_update(root).index(("rename", "50-03-new-inline.yaml"))
    changed = f"{RULES}/50-03-changed-inline.yaml"
    old = file(changed, BEFORE[changed])
    volume = started(root)
    blob = volume.blobs.path(old.directory, old.sha256)
    blob.unlink()
    blob.write_bytes(b"damaged")
    assert update(with_disk(volume, FailingDisk(lambda n, _: n == number))) is not None
    check_safe(root, BEFORE, AFTER)
    assert update(with_disk(volume, Disk())) is None
    check_converged(root, AFTER)


@every_step
def test_a_disk_that_stays_full_leaves_old_or_new_files_and_no_more(root, stride):
    for step in range(0, len(steps_of_update(root)), stride):
        failing = FailingDisk(lambda n, what, step=step: n >= step and what in NEEDS_ROOM)
        volume = started(root)
        update(with_disk(volume, failing))
        check_safe(root, BEFORE, AFTER)
        assert leftovers(root) == []
        volume = started(root)
        install(volume, AFTER)
        check_converged(root, AFTER)
        restore(root)


def test_a_read_only_volume_is_named_and_its_files_stay(root):
    for step in (0, len(steps_of_update(root)) // 2):
        volume = Volume(root, FailingDisk(lambda n, _, step=step: n >= step, errno.EROFS))
        assert volume.load().slots == SLOTS
        assert "Read-only file system" in str(update(volume))
        assert seen(root) == {**BEFORE, **FOREIGN}
        restore(root)


def test_an_error_names_what_was_to_be_done_to_which_file_and_why(root):
    volume = started(root, FailingDisk(lambda _, what: what == "link"))
    with pytest.raises(VolumeError) as raised:
        install(volume, AFTER)
    staged = f"/usr/share/falco/plugins/{SUBDIRECTORY}/staged/"
    assert str(raised.value).startswith(f"cannot link {root}{staged}")
    assert str(raised.value).endswith(": No space left on device")
    assert raised.value.filename.startswith(f"{root}{staged}")
    assert isinstance(raised.value.__cause__, OSError)


def test_a_file_that_is_too_large_for_the_process_is_refused_whole(root):
    def put_too_much():
        volume = started(root)
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
        with pytest.raises(VolumeError, match=r"cannot write .*: File too large"):
            put(volume, {f"{RULES}/50-03-large-inline.yaml": b"x" * 100_000})

    assert run(put_too_much) == 0
    assert leftovers(root) == []
    check_converged(root, BEFORE)


@pytest.fixture
def memory(tmp_path):
    """A file system of its own, of a quarter of a megabyte; `mount` mounts it again otherwise."""
    target = tmp_path / "memory"
    target.mkdir()

    def mount(options):
        command = ["mount", "-t", "tmpfs", "-o", options, "none", target]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode:
            pytest.skip(f"may not mount: {done.stderr.decode()}")

    if shutil.which("mount") is None:
        pytest.skip("there is no mount")
    mount("size=256k")
    try:
        yield target, mount
    finally:
        subprocess.run(["umount", target], check=True)


def test_a_full_file_system_keeps_what_it_has_and_takes_more_once_there_is_room(memory):
    root, _ = memory
    write_foreign(root)
    restore(root)
    volume = started(root)
    large = {f"{RULES}/50-03-large-{n}-inline.yaml": bytes([n]) * 50_000 for n in range(6)}
    with pytest.raises(VolumeError, match=r"cannot write .*: No space left on device"):
        install(volume, {**AFTER, **large})
    assert leftovers(root) == []
    assert seen(root) == {**BEFORE, **FOREIGN}
    install(volume, AFTER)
    install(volume, AFTER)  # so that what has just come and nobody wants is gone as well
    check_converged(root, AFTER)


def test_a_file_system_mounted_read_only_is_named_and_can_still_be_read(memory):
    root, mount = memory
    write_foreign(root)
    restore(root)
    mount("remount,ro")
    volume = Volume(root, Disk())
    assert volume.load().slots == SLOTS
    install(volume, BEFORE, SLOTS)
    with pytest.raises(VolumeError, match=r"cannot write .*: Read-only file system"):
        install(volume, AFTER)
    mount("remount,rw")
    install(volume, AFTER)
    check_converged(root, AFTER)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_may_not_be_written_to_is_named(root):
    (root / RULES).chmod(0o555)
    volume = started(root)
    with pytest.raises(VolumeError, match=r"cannot rename .*: Permission denied"):
        install(volume, AFTER)
    assert seen(root) == {**BEFORE, **FOREIGN}
    (root / RULES).chmod(0o755)
    install(volume, AFTER)
    check_converged(root, AFTER)
