import errno
import itertools
import os

import pytest

from resources.artifact.medium import Medium
from resources.node.files import file_name, library_name
from resources.rules.versions import FalcoVersions
from sidecar.volume.disk import SUBDIRECTORY
from sidecar.volume.volume import Applied
from tests.sidecar.volume.killed import Trace, WatchedDisk, run
from tests.sidecar.volume.node_directories import (
    AFTER,
    BEFORE,
    CONFIG,
    CONTENTS,
    ENTRIES,
    LIBRARY,
    PLUGINS,
    RULE,
    RULES,
    check_converged,
    digests,
    entries,
    files,
    install,
    loaded,
    modes,
    paths,
    seen,
    started,
    write_foreign,
)


def inode(root, path):
    return (root / path).stat().st_ino


def test_the_directories_become_what_is_desired_and_foreign_files_stay(root):
    write_foreign(root)
    volume = started(root)
    for contents in (BEFORE, AFTER, {}, AFTER, BEFORE):
        install(volume, contents)
        check_converged(root, contents)


def test_what_was_done_is_told_in_order(root):
    volume = started(root)
    applied = install(volume, {RULE: b"- rule: a\n", LIBRARY: b"library", ENTRIES: entries("a")})
    assert paths(applied.installed) == [LIBRARY, ENTRIES, RULE]
    assert applied.removed == applied.conflicts == ()
    applied = install(volume, {RULE: b"- rule: changed\n"})
    assert paths(applied.installed) == [RULE]
    assert paths(applied.removed) == [ENTRIES]
    assert paths(applied.postponed) == [LIBRARY]


def test_a_start_without_news_writes_nothing(root, volume):
    del volume
    trace = Trace()
    assert install(started(root, WatchedDisk(trace)), CONTENTS) == Applied()
    assert {what for what, _ in trace} == {"clear"}


def test_what_is_remembered_is_there_after_a_restart_and_a_gate_stays_open(root, volume):
    slots = {"Rulesfile/a/uid/inline": {"origin": "x", "list": [1, None]}}
    desired = files(CONTENTS)
    volume.apply(desired, slots, gate_opened=True)
    manifest = loaded(root)
    assert manifest.slots == slots
    assert manifest.gate_opened
    assert manifest.files == digests(CONTENTS)
    started(root).apply(desired, {}, gate_opened=False)
    manifest = loaded(root)
    assert manifest.slots == {}
    assert manifest.gate_opened


def test_four_files_at_once_are_one_batch_of_renames(root):
    trace = Trace()
    volume = started(root, WatchedDisk(trace))
    trace.clear()
    install(volume, {f"{RULES}/50-03-{name}-inline.yaml": name.encode() for name in "abcd"})
    steps = [what for what, path in trace if SUBDIRECTORY not in path]
    assert steps == ["rename"] * 4 + ["sync"]
    assert [what for what, _ in trace].count("sync") == 9


def test_an_active_file_takes_no_space_of_its_own(root, volume):
    for file in files(CONTENTS):
        assert volume.blobs.path(file.directory, file.sha256).samefile(root / file.path)


def test_a_replaced_library_has_the_entries_renamed_anew(root, volume):
    before = inode(root, ENTRIES)
    applied = install(volume, {**CONTENTS, LIBRARY: b"library two"})
    assert paths(applied.installed) == [LIBRARY, ENTRIES]
    assert inode(root, ENTRIES) != before


def test_the_entries_stay_as_they_are_while_libraries_do(root, volume):
    before = inode(root, ENTRIES)
    applied = install(volume, {**CONTENTS, RULE: b"- rule: changed\n"})
    assert paths(applied.installed) == [RULE]
    assert inode(root, ENTRIES) == before


def test_files_have_their_permissions_whatever_the_umask(root):
    def install_all():
        os.umask(0o077)
        install(started(root), CONTENTS)

    assert run(install_all) == 0
    assert modes(root) == {(RULES, 0o644), (CONFIG, 0o644), (PLUGINS, 0o755)}
    assert {(root / path).stat().st_mode & 0o777 for path in (RULES, CONFIG, PLUGINS)} == {0o755}


def without_links(monkeypatch, number):
    def refuse(*_arguments, **_options):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)


@pytest.mark.parametrize("number", [errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS])
def test_where_there_are_no_hard_links_files_are_copied(root, monkeypatch, number):
    without_links(monkeypatch, number)
    write_foreign(root)
    trace = Trace()
    volume = started(root, WatchedDisk(trace))
    for contents in (BEFORE, AFTER):
        install(volume, contents)
        check_converged(root, contents)
    copied = [path for what, path in trace if what == "copy"]
    assert copied
    assert all(("sync", path) in trace for path in copied)


def test_a_disk_without_the_directories_gets_them(root):
    started(root)
    assert [(root / path).is_dir() for path in (RULES, CONFIG, PLUGINS)] == [True] * 3


def test_every_name_that_a_resource_may_have_can_be_installed(root):
    names = ["a" * length for length in (1, 233, 234, 235, 240, 252, 253)]
    contents = {
        **{
            f"{RULES}/{file_name(50, *source)}": b"x" for source in itertools.product(Medium, names)
        },
        **{f"{PLUGINS}/{library_name(name)}": b"y" for name in names},
    }
    install(started(root), contents)
    assert seen(root) == contents


def test_an_opened_gate_is_remembered_without_an_installation(root, volume):
    volume.open_gate()
    manifest = loaded(root)
    assert manifest.gate_opened
    assert manifest.files == digests(CONTENTS)
    started(root).open_gate()
    check_converged(root, CONTENTS)


def test_where_there_is_nothing_to_do_nothing_is_written(root):
    trace = Trace()
    volume = started(root, WatchedDisk(trace))
    trace.clear()
    assert volume.apply([], {}, gate_opened=False) == Applied()
    assert trace == []


def test_a_file_that_is_renewed_is_another_one_with_the_same_content(root, volume):
    before = {path: inode(root, path) for path in CONTENTS}
    volume.renew()
    check_converged(root, CONTENTS)
    renewed = [path for path in CONTENTS if inode(root, path) != before[path]]
    assert len(renewed) == 1
    assert not renewed[0].startswith(PLUGINS)


def test_a_volume_without_files_that_falco_watches_has_none_to_renew(root):
    volume = started(root)
    volume.renew()
    install(volume, {LIBRARY: b"library"})
    before = inode(root, LIBRARY)
    volume.renew()
    assert inode(root, LIBRARY) == before


def test_when_a_directory_was_changed_last_is_known_after_a_restart(root, volume):
    before = volume.changed_at()
    install(volume, CONTENTS)
    assert volume.changed_at() == before
    install(volume, CONTENTS | {RULE: b"- rule: changed\n"})
    after = volume.changed_at()
    assert after > before
    assert started(root).changed_at() == after


def test_what_falco_has_said_is_remembered_with_its_image(root, volume):
    versions = FalcoVersions("0.44.1", "0.62.0", "3.12.0")
    volume.remember("0.43.0", FalcoVersions("0.43.0"))
    volume.remember("latest", versions)
    install(volume, BEFORE)
    assert started(root).load().versions == {"latest": versions}
