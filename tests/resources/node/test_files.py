import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.artifact.medium import Medium
from resources.node.files import (
    PLUGIN_ENTRIES,
    Directory,
    File,
    Place,
    file_name,
    has_our_name,
    library_name,
    library_path,
)

# As the API server takes them for names of custom resources.
PARTS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True)
NAMES = st.lists(PARTS, min_size=1, max_size=5).map(".".join).filter(lambda name: len(name) <= 253)
SOURCES = st.tuples(st.integers(0, 99), st.sampled_from(Medium), NAMES)
LONGEST = "a" * 253


@pytest.mark.parametrize(
    ("priority", "medium", "name"),
    [
        (50, Medium.OCI, "50-01-my-rules-oci.yaml"),
        (0, Medium.CONFIG_MAP, "00-02-my-rules-configmap.yaml"),
        (99, Medium.INLINE, "99-03-my-rules-inline.yaml"),
    ],
)
def test_a_file_is_called_what_users_know(priority, medium, name):
    assert file_name(priority, medium, "my-rules") == name
    assert file_name(priority, Medium(str(medium)), "my-rules") == name


def test_files_load_by_priority_and_then_by_medium():
    ordered = [
        (9, Medium.INLINE, "a"),
        (10, Medium.OCI, "b"),
        (10, Medium.CONFIG_MAP, "a"),
        (10, Medium.INLINE, "a"),
        (10, Medium.INLINE, "b"),
        (99, Medium.OCI, "a"),
    ]
    names = [file_name(*source) for source in ordered]
    assert names == sorted(names)
    assert max(names) < PLUGIN_ENTRIES


@given(SOURCES, SOURCES)
def test_no_two_sources_share_a_file(one, other):
    assert (file_name(*one) == file_name(*other)) is (one == other)
    assert (library_name(one[2]) == library_name(other[2])) is (one[2] == other[2])


@pytest.mark.parametrize("medium", Medium)
@pytest.mark.parametrize("length", range(225, 254))
def test_every_name_fits_into_a_file_system_and_is_still_its_own(medium, length):
    names = {"a" * (length - 1) + last for last in "abc"}
    files = {file_name(50, medium, name) for name in names}
    libraries = {library_name(name) for name in names}
    assert len(files) == len(libraries) == 3
    assert all(len(name.encode()) <= 255 for name in files | libraries)
    assert all(has_our_name(Place(Directory.RULES, name)) for name in files)
    assert all(name.endswith((f"-{medium}.yaml", ".so")) for name in files | libraries)


def test_a_shortened_name_can_be_no_other_resources_name():
    shortened = file_name(50, Medium.CONFIG_MAP, LONGEST)
    assert "_" in shortened
    assert "_" not in file_name(50, Medium.CONFIG_MAP, "a" * 234)
    assert "_" in library_name(LONGEST)


@pytest.mark.parametrize(
    ("name", "library"),
    [("json", "json.so"), ("foo.so", "foo.so.so"), ("proc.name.c", "proc.name.c.so")],
)
def test_a_library_is_called_after_its_resource(name, library):
    assert library_name(name) == library
    assert library_path(name) == f"/usr/share/falco/plugins/{library}"


@pytest.mark.parametrize(
    ("directory", "name", "ours"),
    [
        (Directory.RULES, "50-03-proc.name-c-inline.yaml", True),
        (Directory.CONFIG, "00-01-a-oci.yaml", True),
        (Directory.CONFIG, PLUGIN_ENTRIES, True),
        (Directory.RULES, PLUGIN_ENTRIES, False),
        (Directory.RULES, "50-01-a-inline.yaml", False),
        (Directory.RULES, "5-03-a-inline.yaml", False),
        (Directory.RULES, "50-03-a-inline.yaml.swp", False),
        (Directory.RULES, "50-03--inline.yaml", False),
        (Directory.RULES, "50-03-A-inline.yaml", False),
        (Directory.RULES, "falco_rules.yaml", False),
        (Directory.PLUGINS, "json.so", False),
        (Directory.PLUGINS, "50-03-a-inline.yaml", False),
    ],
)
def test_only_names_that_nobody_else_gives_are_ours(directory, name, ours):
    assert has_our_name(Place(directory, name)) is ours


@pytest.mark.parametrize(
    ("directory", "mode"),
    [(Directory.RULES, 0o644), (Directory.CONFIG, 0o644), (Directory.PLUGINS, 0o755)],
)
def test_everybody_may_read_a_file_and_execute_a_library(directory, mode):
    file = File(directory, "name", "sha")
    assert file.mode == mode
    assert file.path == file.place.path == f"{directory.value}/name"
