"""Killed at any step, the writer leaves what Falco can bear, and the next goes on from there."""

import itertools
import os
import random
import subprocess

import pytest

from sidecar.volume.disk import SUBDIRECTORY, Disk
from sidecar.volume.volume import Volume
from tests.sampled import every_step
from tests.sidecar.volume.killed import WatchedDisk, killed_at, start, steps
from tests.sidecar.volume.node_directories import (
    AFTER,
    BEFORE,
    CONFIG,
    ENTRIES,
    MOVED,
    PLUGINS,
    RULES,
    apply,
    check_converged,
    check_safe,
    entries,
    files,
    install,
    libraries,
    loaded,
    started,
    write_foreign,
)

OURS = f"{CONFIG}/{SUBDIRECTORY}"
SLOTS = {"before": {"version": 1}, "after": {"version": 2}}


@pytest.fixture
def fresh(quick_directory):
    """Makes a node with the files from before the update, or those given."""
    numbers = itertools.count()
    originals = {}

    def make(contents=BEFORE):
        if len(contents) not in originals:
            original = originals[len(contents)] = quick_directory / f"original-{len(contents)}"
            write_foreign(original)
            if contents:
                update(original, Disk(), contents, SLOTS["before"])
        root = quick_directory / str(next(numbers))
        subprocess.run(["cp", "-a", originals[len(contents)], root], check=True)
        return root

    return make


def update(root, disk, contents=AFTER, slots=SLOTS["after"]):
    """What a sidecar does from its start until all is installed."""
    volume = started(root, disk)
    install(volume, contents, slots)


def steps_of_update(fresh, before=BEFORE, after=AFTER):
    root = fresh(before)
    trace = steps(lambda disk: update(root, disk, after))
    check_converged(root, after)
    return trace


def watched(root, before, after):
    """Looks before every step that Falco could notice."""

    def watch(_what, path):
        if SUBDIRECTORY not in str(path):
            check_safe(root, before, after)

    return WatchedDisk(watch)


def test_at_every_step_of_an_update_falco_sees_old_or_new_files_only(fresh):
    root = fresh()
    disk = WatchedDisk(lambda _what, _path: check_safe(root, BEFORE, AFTER))
    for contents in (AFTER, BEFORE):
        update(root, disk, contents)
        check_converged(root, contents)


@every_step
@pytest.mark.parametrize("before", [BEFORE, {}], ids=["an update", "the first start"])
def test_killed_at_any_step_the_next_process_completes_it(fresh, before, stride):
    trace = steps_of_update(fresh, before)
    assert len(trace) > 70
    for step in range(0, len(trace), stride):
        root = fresh(before)
        killed_at(step, lambda disk, root=root: update(root, disk))
        check_safe(root, before, AFTER)
        volume = Volume(root, watched(root, before, AFTER))
        assert volume.load().slots in [*SLOTS.values(), {}]
        install(volume, AFTER, SLOTS["after"])
        check_converged(root, AFTER)
        assert loaded(root).slots == SLOTS["after"]


LIBRARY_BEFORE = {f"{PLUGINS}/a.so": b"before", ENTRIES: entries("a")}
LIBRARY_AFTER = {**LIBRARY_BEFORE, f"{PLUGINS}/a.so": b"after"}


@every_step
def test_killed_at_any_step_falco_is_told_of_a_replaced_library(fresh, stride):
    """By entries that are renamed anew, for nothing else makes it load the library again."""
    trace = steps_of_update(fresh, LIBRARY_BEFORE, LIBRARY_AFTER)
    renamed = trace.index(("rename", next(path for _, path in trace if path.endswith(ENTRIES))))
    for step in range(0, len(trace), stride):
        root = fresh(LIBRARY_BEFORE)
        before = (root / ENTRIES).stat().st_ino
        killed_at(step, lambda disk, root=root: update(root, disk, LIBRARY_AFTER))
        killed = (root / ENTRIES).stat().st_ino
        assert (killed != before) is (step > renamed)
        update(root, Disk(), LIBRARY_AFTER)
        check_converged(root, LIBRARY_AFTER)
        assert {before, killed, (root / ENTRIES).stat().st_ino} != {before}


@every_step
def test_killed_at_any_step_the_next_process_can_go_back_with_what_is_on_disk(fresh, stride):
    steps = steps_of_update(fresh)
    collecting = [n for n, (what, path) in enumerate(steps) if what == "remove" and "blobs" in path]
    for step in range(0, collecting[0] + 1, stride):
        root = fresh()
        killed_at(step, lambda disk, root=root: update(root, disk))
        volume = started(root, watched(root, BEFORE, AFTER))
        desired = files(BEFORE)
        apply(volume, desired, SLOTS["before"])
        volume.blobs.collect([file.sha256 for file in desired])
        check_converged(root, BEFORE)


@every_step
def test_killed_twice_falco_is_told_of_a_replaced_library_all_the_same(fresh, stride):
    once, twice = [fresh(LIBRARY_BEFORE) for _ in range(2)]
    trace = steps(lambda disk: update(once, disk, LIBRARY_AFTER))
    replaced = next(n for n, (_, path) in enumerate(trace) if path.endswith(f"{PLUGINS}/a.so"))

    def kill_after_the_library(root):
        killed_at(replaced + 1, lambda disk: update(root, disk, LIBRARY_AFTER))

    kill_after_the_library(twice)
    again = steps(lambda disk: update(twice, disk, LIBRARY_AFTER))
    for step in range(0, len(again), stride):
        root = fresh(LIBRARY_BEFORE)
        before = (root / ENTRIES).stat().st_ino
        kill_after_the_library(root)
        killed_at(step, lambda disk, root=root: update(root, disk, LIBRARY_AFTER))
        killed = (root / ENTRIES).stat().st_ino
        update(root, Disk(), LIBRARY_AFTER)
        assert {before, killed, (root / ENTRIES).stat().st_ino} != {before}


@pytest.mark.parametrize("seed", range(5))
def test_killed_again_and_again_on_the_way_there_and_back_it_gets_there_in_the_end(fresh, seed):
    root, chance = fresh(), random.Random(seed)
    most = len(steps_of_update(fresh))
    for _ in range(20):
        contents = chance.choice([BEFORE, AFTER])
        step = chance.randrange(most)
        try:
            killed_at(step, lambda disk, contents=contents: update(root, disk, contents))
        except AssertionError:  # it had less to do than there was time for
            check_converged(root, contents)
        check_safe(root, BEFORE, AFTER)
    update(root, watched(root, BEFORE, AFTER))
    check_converged(root, AFTER)


def test_whoever_reads_meanwhile_never_sees_half_a_file_nor_a_gap(fresh):
    root = fresh()

    def go_back_and_forth():
        for contents in [AFTER, BEFORE] * 10:
            update(root, Disk(), contents)

    writer = start(go_back_and_forth)
    looks, contents_seen = 0, set()
    while (ended := os.waitpid(writer, os.WNOHANG)) == (0, 0):
        contents_seen.add(read_files(root))
        read_moved(root)
        read_entries(root)
        looks += 1
    assert ended[1] == 0
    assert looks > 20
    assert len(contents_seen) > 1
    check_converged(root, BEFORE)


def read_files(root):
    contents = {}
    for path in sorted({*BEFORE, *AFTER}):
        try:
            contents[path] = (root / path).read_bytes()
        except FileNotFoundError:
            contents[path] = None
        assert contents[path] in {BEFORE.get(path), AFTER.get(path)}, path
    return tuple(contents.values())


def read_moved(root):
    for old, new in MOVED.items():
        assert any((root / path).exists() for path in (old, new, old))


def read_entries(root):
    """A library may be missing only if other entries came before it went."""
    with (root / ENTRIES).open("rb") as file:
        for library in libraries(file.read()):
            if not (root / library).exists():
                assert not os.path.samestat(os.fstat(file.fileno()), (root / ENTRIES).stat())


ORDER = [
    ("rename", f"{PLUGINS}/new.so"),
    ("rename", f"{PLUGINS}/replaced.so"),
    ("sync", PLUGINS),
    ("rename", ENTRIES),
    ("rename", f"{RULES}/50-03-changed-inline.yaml"),
    ("rename", f"{RULES}/50-03-new-inline.yaml"),
    ("rename", f"{RULES}/60-02-moved-configmap.yaml"),
    ("rename", f"{CONFIG}/20-03-moved-inline.yaml"),
    ("rename", f"{CONFIG}/50-03-changed-inline.yaml"),
    ("rename", f"{CONFIG}/50-03-new-inline.yaml"),
    ("remove", f"{CONFIG}/50-03-moved-inline.yaml"),
    ("remove", f"{CONFIG}/50-03-gone-inline.yaml"),
    ("remove", f"{RULES}/50-03-gone-inline.yaml"),
    ("remove", f"{RULES}/40-02-moved-configmap.yaml"),
    ("sync", CONFIG),
    ("sync", RULES),
]
RECORD = [("rename", f"{OURS}/manifest.json"), ("sync", OURS)]
LATER = [("remove", f"{PLUGINS}/gone.so"), ("sync", PLUGINS)]


def test_the_files_change_in_an_order_that_a_node_without_power_can_bear_as_well(fresh):
    """New content and the record of it are on disk before any of it is in place.

    No slow step comes between changes that Falco watches: it waits 100 ms before it reloads.
    """
    trace = [(what, path.rpartition("/0/")[2]) for what, path in steps_of_update(fresh)]
    begin = trace.index(ORDER[0])
    assert trace[begin : begin + len(ORDER)] == ORDER
    before, after = trace[:begin], trace[begin + len(ORDER) :]
    written = [path for what, path in before if what in {"write", "copy"}]
    assert all(("sync", path) in before for path in written)
    assert before[-2:] == after[:2] == RECORD
    later = after.index(LATER[0])
    assert after[later : later + 4] == [*LATER, *RECORD]
    assert {what for what, _ in after[later + 4 :]} == {"remove"}
