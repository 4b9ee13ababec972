import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.artifact.medium import Medium
from resources.node.plugin_entries import PluginEntry
from resources.node.slots import Content, SlotId, SlotVersion, from_manifest, to_manifest

WORDS = st.text().filter(lambda text: "/" not in text)

# As every release has written it.
STORED = b"""{
 "Plugin/json/uid-2/oci": {
  "file": "json.so",
  "created": "2026-01-01T00:00:00Z",
  "content": {
   "sha256": "33",
   "origin": "oci:sha256:44",
   "version": "0.7.0",
   "dependencies": ["container"]
  },
  "entry": ["json", "/usr/share/falco/plugins/json.so", {"a": [1, null]}, "x", ["container"]]
 },
 "Rulesfile/proc.name-c/uid-1/configmap": {
  "file": "50-02-proc.name-c-configmap.yaml",
  "created": "2026-01-01T00:00:00Z",
  "content": {"sha256": "11", "origin": "configmap:a@7", "version": "", "dependencies": []},
  "entry": null
 }
}"""
VERSIONS = {
    SlotId("Plugin", "json", "uid-2", Medium.OCI): SlotVersion(
        "json.so",
        "2026-01-01T00:00:00Z",
        Content("33", "oci:sha256:44", "0.7.0", ("container",)),
        PluginEntry(
            "json", "/usr/share/falco/plugins/json.so", {"a": [1, None]}, "x", ("container",)
        ),
    ),
    SlotId("Rulesfile", "proc.name-c", "uid-1", Medium.CONFIG_MAP): SlotVersion(
        "50-02-proc.name-c-configmap.yaml", "2026-01-01T00:00:00Z", Content("11", "configmap:a@7")
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
    assert from_manifest(stored) == VERSIONS
    assert msgspec.json.encode(to_manifest(VERSIONS)) == msgspec.json.encode(stored)


@pytest.mark.parametrize(
    "slots", [{"a": {"file": "b", "created": ""}}, {"Config/a/b/oci": {}}, {"Config/a/b/oci": 1}]
)
def test_slots_of_another_form_are_refused(slots):
    with pytest.raises(ValueError, match=r"."):
        from_manifest(slots)
