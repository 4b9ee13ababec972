"""The Events that a node records of its failures."""

from msgspec.structs import replace

from resources.artifact.nodereport import ArtifactReport
from resources.node.events import failures

PROGRAMMED = ArtifactReport(
    kind="Rulesfile", name="rules", uid="uid", revision="1", state="Programmed"
)
FAILED = replace(PROGRAMMED, state="Failed", reason="InvalidContent", message="bad")
REFUSED = replace(PROGRAMMED, loaded="False", loaded_reason="NotLoaded", loaded_message="missed")


def told(before, after):
    found = failures(before, after, "ns", "node-1")
    return [(str(event.regarding.ref), *event.draft) for event in found]


def test_a_failure_is_told_once_for_each_reason_and_message():
    event = ("Rulesfile/ns/rules", "InvalidContent", "Warning", "Install", "On node node-1: bad")
    assert told([], [FAILED]) == told([PROGRAMMED], [FAILED]) == [event]
    assert told([FAILED], [replace(FAILED, revision="2")]) == []
    assert told([FAILED], [PROGRAMMED]) == []


def test_what_falco_has_not_loaded_is_told_likewise():
    event = ("Rulesfile/ns/rules", "NotLoaded", "Warning", "Load", "On node node-1: missed")
    assert told([PROGRAMMED], [REFUSED]) == [event]
    assert told([REFUSED], [REFUSED]) == []
    assert told([REFUSED], [replace(PROGRAMMED, loaded="True")]) == []


def test_what_falco_has_refused_and_is_taken_back_is_told_once():
    event = ("Rulesfile/ns/rules", "InvalidContent", "Warning", "Install", "On node node-1: bad")
    taken_back = replace(FAILED, loaded="False", loaded_reason="InvalidContent")
    assert told([PROGRAMMED], [taken_back]) == [event]
