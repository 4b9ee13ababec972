import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.node.files import Directory, Place
from resources.rules.versions import FalcoVersions
from sidecar.volume.manifest import UnreadableManifest, VolumeManifest, decode, encode

NAMES = st.text(min_size=1).filter(
    lambda name: name not in {".", ".."} and not {"/", "\0"} & {*name}
)
FILES = st.dictionaries(st.builds(Place, st.sampled_from(Directory), NAMES), st.text())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
VERSIONS = st.builds(FalcoVersions, st.text(), st.text(), st.text())
MANIFESTS = st.builds(
    VolumeManifest,
    FILES,
    FILES,
    st.booleans(),
    st.dictionaries(st.text(), JSON),
    st.booleans(),
    st.dictionaries(st.text(), VERSIONS),
    st.none() | st.dictionaries(st.text(), JSON),
    st.dictionaries(st.text(), JSON),
)
FULL = VolumeManifest(
    files={Place(Directory.RULES, "50-03-a-inline.yaml"): "aa"},
    pending={Place(Directory.PLUGINS, "b.so"): "bb"},
    entries_due=True,
    slots={"Rulesfile/a/uid/inline": {"file": "50-03-a-inline.yaml"}},
    gate_opened=True,
    versions={"latest": FalcoVersions("0.44.1", "0.62.0", "3.12.0")},
)


@given(MANIFESTS)
def test_what_is_written_is_read_again(manifest):
    assert decode(encode(manifest)) == manifest


def test_equal_ones_are_written_alike():
    files = {Place(Directory.RULES, name): "aa" for name in "abc"}
    assert encode(VolumeManifest(files)) == encode(VolumeManifest(dict(reversed(files.items()))))


def test_it_can_be_read_by_people():
    assert encode(FULL).decode() == (
        "{\n"
        ' "files": {\n'
        '  "etc/falco/rules.d/50-03-a-inline.yaml": "aa"\n'
        " },\n"
        ' "pending": {\n'
        '  "usr/share/falco/plugins/b.so": "bb"\n'
        " },\n"
        ' "entriesDue": true,\n'
        ' "slots": {\n'
        '  "Rulesfile/a/uid/inline": {\n'
        '   "file": "50-03-a-inline.yaml"\n'
        "  }\n"
        " },\n"
        ' "gateOpened": true,\n'
        ' "versions": {\n'
        '  "latest": {\n'
        '   "falco": "0.44.1",\n'
        '   "engine": "0.62.0",\n'
        '   "pluginApi": "3.12.0"\n'
        "  }\n"
        " }\n"
        "}"
    )


def test_half_of_one_is_unreadable():
    data = encode(FULL)
    for length in range(len(data)):
        with pytest.raises(UnreadableManifest):
            decode(data[:length])


@pytest.mark.parametrize(
    "data",
    [
        b"\xff",
        b"[]",
        b"null",
        b'{"files": []}',
        b'{"slots": 1}',
        b'{"files": {"etc/falco/rules.d/": ""}}',
        b'{"files": {"etc/falco/rules.d/..": ""}}',
        b'{"files": {"etc/falco/rules.d/.": ""}}',
        b'{"files": {"etc/falco/rules.d/a\\u0000b": ""}}',
        b'{"files": {"etc/falco/rules.d/sub/a": ""}}',
        b'{"files": {"etc/falco/rules.d/../../passwd": ""}}',
        b'{"files": {"/etc/falco/rules.d/a": ""}}',
        b'{"pending": {"etc/passwd": ""}}',
        b'{"slots": {"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
    ],
)
def test_what_was_not_written_here_is_unreadable(data):
    with pytest.raises(UnreadableManifest):
        decode(data)


def test_what_a_later_version_adds_is_passed_over():
    assert decode(b'{"gateOpened": true, "later": 1}') == VolumeManifest(gate_opened=True)
