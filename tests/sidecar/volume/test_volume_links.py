"""A link in place of a directory, put there before any step, leads no step out of a volume."""

from contextlib import suppress

import pytest

from sidecar.volume.disk import SUBDIRECTORY, VolumeError
from tests.sampled import every_step
from tests.sidecar.volume.killed import WatchedDisk, steps
from tests.sidecar.volume.node_directories import (
    AFTER,
    BEFORE,
    install,
    started,
    write_foreign,
)


class Swapping(WatchedDisk):
    """Before one step the directory that it is in, or the sidecar's own above, becomes a link."""

    def __init__(self, number, outside, spare, is_top):
        super().__init__(self._count_down)
        self._number = number
        self._outside = outside
        self._spare = spare
        self._is_top = is_top

    def _count_down(self, _what, path):
        self._number -= 1
        if self._number == -1 and SUBDIRECTORY in path.parent.parts:
            folder = path.parent
            while self._is_top and folder.name != SUBDIRECTORY:
                folder = folder.parent
            folder.rename(self._spare)
            folder.symlink_to(self._outside)


@pytest.fixture
def outside(quick_directory):
    """Has what the sidecar's own directory has; no link to it leads to another file system."""
    place = quick_directory / "outside"
    for name in ("blobs", "staged", "pulls"):
        (place / name).mkdir(parents=True)
    (place / "manifest.json").write_text("mine")
    return place


def tree(place):
    """Permissions, times and content of all of it: a file that came and went shows as well."""
    found = {path: (path.lstat().st_mode, path.lstat().st_mtime_ns) for path in place.rglob("*")}
    return found, place.stat().st_mode, place.stat().st_mtime_ns


def update(root, disk, before):
    write_foreign(root)
    install(started(root), before)
    with suppress(VolumeError):
        install(started(root, disk), AFTER)


@every_step
@pytest.mark.parametrize("is_top", [False, True], ids=["folder of the step", "own directory"])
@pytest.mark.parametrize("before", [{}, BEFORE], ids=["from nothing", "from before"])
def test_no_step_of_an_update_changes_anything_where_a_link_leads(
    quick_directory, outside, before, is_top, stride
):
    known = tree(outside)
    count = len(steps(lambda disk: update(quick_directory / "counted", disk, before)))
    assert count > 60
    for number in range(0, count, stride):
        spare = quick_directory / f"spare-{number}"
        update(quick_directory / str(number), Swapping(number, outside, spare, is_top), before)
        assert tree(outside) == known, number
