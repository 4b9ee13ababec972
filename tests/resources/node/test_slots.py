import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.artifact.medium import Medium
from resources.check.needs import Needs
from resources.node.files import file_name, library_name, library_path
from resources.node.plugin_entries import PluginEntry
from resources.node.slots import Content, SlotId, SlotVersion, from_manifest, to_manifest
from resources.registry.request import Requirement

WORDS = st.text().filter(lambda text: "/" not in text)

# As every release has written it.
STORED = b"""{
 "Plugin/json/uid-2/oci": {
  "file": "json.so",
  "created": "2026-01-01T00:00:00Z",
  "content": {
   "sha256": "3333333333333333333333333333333333333333333333333333333333333333",
   "origin": "oci:sha256:44",
   "version": "0.7.0",
   "dependencies": ["container"],
   "needs": {"requirements": [{"name": "plugin_api_version", "version": "3.6.0"}]}
  },
  "entry": ["json", "/usr/share/falco/plugins/json.so", {"a": [1, null]}, "x", ["container"]]
 },
 "Rulesfile/proc.name-c/uid-1/configmap": {
  "file": "50-02-proc.name-c-configmap.yaml",
  "created": "2026-01-01T00:00:00Z",
  "content": {
   "sha256": "1111111111111111111111111111111111111111111111111111111111111111",
   "origin": "configmap:a@7",
   "version": "",
   "dependencies": [],
   "needs": {}
  },
  "entry": null
 }
}"""
NEEDS = Needs((Requirement("plugin_api_version", "3.6.0"),))
VERSIONS = {
    SlotId("Plugin", "json", "uid-2", Medium.OCI): SlotVersion(
        "json.so",
        "2026-01-01T00:00:00Z",
        Content("33" * 32, "oci:sha256:44", "0.7.0", ("container",), NEEDS),
        PluginEntry(
            "json", "/usr/share/falco/plugins/json.so", {"a": [1, None]}, "x", ("container",)
        ),
    ),
    SlotId("Rulesfile", "proc.name-c", "uid-1", Medium.CONFIG_MAP): SlotVersion(
        "50-02-proc.name-c-configmap.yaml",
        "2026-01-01T00:00:00Z",
        Content("11" * 32, "configmap:a@7"),
    ),
}


def test_a_slot_is_another_for_a_recreated_artifact():
    slot = SlotId("Rulesfile", "a", "uid-1", Medium.OCI)
    assert str(slot) == "Rulesfile/a/uid-1/oci"
    assert str(slot) != str(SlotId("Rulesfile", "a", "uid-2", Medium.OCI))


@given(WORDS, WORDS, WORDS, st.sampled_from(Medium))
def test_a_slot_is_read_from_its_text(kind, name, uid, medium):
    slot = SlotId(kind, name, uid, medium)
    assert SlotId.parse(str(slot)) == slot


@pytest.mark.parametrize("text", ["", "a/b/c", "a/b/c/oci/d", "a/b/c/tape"])
def test_what_is_no_slot_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        SlotId.parse(text)


def test_the_slots_of_a_manifest_on_disk_are_read_and_written_as_ever():
    stored = msgspec.json.decode(STORED)
    assert from_manifest(stored) == (VERSIONS, ())
    assert msgspec.json.encode(to_manifest(VERSIONS)) == msgspec.json.encode(stored)


def test_a_manifest_of_before_plugins_had_needs_is_read_too():
    stored = msgspec.json.decode(STORED)
    for slot in stored.values():
        del slot["content"]["needs"]
    versions, unknown = from_manifest(stored)
    assert (versions.keys(), unknown) == (VERSIONS.keys(), ())


SHA256 = "ab" * 32
ENTRY = ["json", "/usr/share/falco/plugins/json.so"]


def content(**changes):
    return {"sha256": SHA256, "origin": "x", **changes}


def nested(depth):
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("slot", "version"),
    [
        ("a", {"file": "b", "created": ""}),
        ("Config/a/b/oci", {}),
        ("Config/a/b/oci", 1),
        ("Secret/a/u/inline", {"file": "50-03-a-inline.yaml", "content": content()}),
        ("Rulesfile/a/u/tape", {"file": "50-03-a-tape.yaml", "content": content()}),
        ("Rulesfile/a/u/inline", {"file": "../../../x", "content": content()}),
        ("Rulesfile/a/u/inline", {"file": "50-03-b-inline.yaml", "content": content()}),
        ("Rulesfile/a/u/inline", {"file": "50-02-a-configmap.yaml", "content": content()}),
        ("Rulesfile/a/u/inline", {"file": "falco_rules.yaml", "content": content()}),
        ("Rulesfile/a\0/u/inline", {"file": "50-03-a\0-inline.yaml", "content": content()}),
        ("Rulesfile/a/u/inline", {"file": "50-03-a-inline.yaml"}),
        (
            "Rulesfile/a/u/inline",
            {"file": "50-03-a-inline.yaml", "content": content(sha256="../../../x")},
        ),
        (
            "Rulesfile/a/u/inline",
            {"file": "50-03-a-inline.yaml", "content": content(), "entry": ENTRY},
        ),
        ("Plugin/../u/oci", {"file": "...so", "content": content(), "entry": ENTRY}),
        ("Plugin/json/u/oci", {"file": "falco.so", "content": content(), "entry": ENTRY}),
        ("Plugin/json/u/oci", {"file": "json.so", "content": content()}),
        (
            "Plugin/json/u/oci",
            {"file": "json.so", "content": content(), "entry": [*ENTRY, nested(500)]},
        ),
    ],
)
def test_a_slot_that_no_artifact_leads_to_is_left_out_and_named(slot, version):
    created = {"created": ""} if isinstance(version, dict) else None
    forged = {slot: {**version, **created} if created else version}
    good = msgspec.json.decode(STORED)
    versions, [unknown] = from_manifest(good | forged)
    assert versions == VERSIONS
    assert repr(slot) in unknown


@given(
    st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", fullmatch=True),
    st.integers(0, 99),
    st.sampled_from(Medium),
    st.sampled_from(["Rulesfile", "Config"]),
)
def test_every_file_that_an_artifact_can_have_is_known(name, priority, medium, kind):
    file = SlotVersion(file_name(priority, medium, name), "", Content(SHA256, "x"))
    library = SlotVersion(library_name(name), "", None, PluginEntry(name, library_path(name)))
    versions = {SlotId(kind, name, "u", medium): file, SlotId("Plugin", name, "u", medium): library}
    assert from_manifest(to_manifest(versions)) == (versions, ())
