"""Which steps there are is shown here, that they are safe in test_volume_crash."""

import pytest

from resources.node.files import PLUGIN_ENTRIES, Directory, File, Place
from sidecar.volume.changes import Changes, changes
from sidecar.volume.file_digests import FileState

RULES = File(Directory.RULES, "50-03-a-inline.yaml", "rules")
CONFIG = File(Directory.CONFIG, "50-03-a-inline.yaml", "config")
LIBRARY = File(Directory.PLUGINS, "a.so", "library")
ENTRIES = File(Directory.CONFIG, PLUGIN_ENTRIES, "entries")
ALL = [CONFIG, ENTRIES, RULES, LIBRARY]


def present(*files):
    return {file.place: FileState(file.sha256, file.mode) for file in files}


def test_what_is_there_as_it_should_be_is_left_alone():
    assert changes(ALL, present(*ALL), ()) == Changes()


def test_libraries_come_first_and_then_their_entries_rules_and_configurations():
    todo = changes(ALL, {}, ())
    assert todo.installed == (LIBRARY, ENTRIES, RULES, CONFIG)
    assert (todo.libraries, todo.content) == ((LIBRARY,), (ENTRIES, RULES, CONFIG))


def test_what_nobody_wants_any_more_goes_the_other_way_round():
    todo = changes([], present(*ALL), ())
    assert todo.gone == (CONFIG.place, RULES.place, ENTRIES.place)


def test_a_library_goes_after_its_entry_by_the_next_batch():
    for desired, there in (([], ALL), ([RULES], [LIBRARY])):
        todo = changes(desired, present(*there), ())
        assert (todo.removed_libraries, todo.postponed) == ((), (LIBRARY.place,))
    for there in ([RULES, LIBRARY], [LIBRARY]):
        todo = changes([RULES], present(*there), (), unused=(LIBRARY.place,))
        assert (todo.removed_libraries, todo.postponed) == ((LIBRARY.place,), ())


def test_a_library_that_nothing_has_named_goes_at_once():
    todo = changes([RULES], present(RULES, LIBRARY), ())
    assert (todo.removed_libraries, todo.postponed) == ((LIBRARY.place,), ())


@pytest.mark.parametrize(
    "state", [FileState("other", 0o644), FileState("", 0o644), FileState("rules", 0o600)]
)
def test_a_file_that_is_not_as_it_should_be_is_installed_again(state):
    assert changes([RULES], {RULES.place: state}, ()).installed == (RULES,)


def test_with_a_library_come_the_entries_equal_or_not():
    other = LIBRARY._replace(sha256="other")
    assert changes([other, ENTRIES], present(*ALL[1:]), ()).installed == (other, ENTRIES)
    assert changes([other], present(LIBRARY), ()).installed == (other,)


def test_entries_that_are_due_come_even_if_nothing_else_does():
    assert changes(ALL, present(*ALL), (), entries_due=True).installed == (ENTRIES,)
    assert changes([RULES], present(RULES), (), entries_due=True) == Changes()


def test_what_is_not_ours_is_neither_replaced_nor_removed():
    foreign = {RULES.place, Place(Directory.RULES, "theirs.yaml")}
    todo = changes([RULES, CONFIG], present(), foreign)
    assert (todo.installed, todo.gone, todo.conflicts) == ((CONFIG,), (), (RULES,))
