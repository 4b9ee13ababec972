"""Where files and rules on nodes come from, what overrides them, and whether Falco has them."""

from __future__ import annotations

import pytest

from cli.why.answer import Outcome, answered
from cli.why.files import ConfigMapKey, config_maps_of, files_of
from cli.why.text import items, text_of
from tests.cli.status.shapes import (
    NAMESPACE,
    REVISION,
    artifact,
    entry,
    node,
    observed,
    pod,
    report,
)

SHELL = {
    "rule": "A shell",
    "desc": "d",
    "condition": "spawned_process",
    "output": "o",
    "priority": "INFO",
    "tags": ["shells"],
}
QUIET = {"rule": "A shell", "enabled": False}
MORE = {
    "rule": "A shell",
    "condition": "and user.uid=0",
    "output": "p",
    "override": {"condition": "append", "output": "replace"},
}
OCI = {"ociArtifact": {"image": {"repository": "acme/rules", "tag": "1"}}}


def rules(name, *items, priority=50):
    return artifact(name, spec={"inlineRules": list(items), "priority": priority})


def config(name, value, priority=50):
    return artifact(name, "Config", spec={"config": value, "priority": priority})


def plugin(name, entry="", created="2020-01-01T00:00:00Z"):
    spec = {"config": {"name": entry}} if entry else {}
    return artifact(name, "Plugin", spec=spec, metadata={"creationTimestamp": created})


def ask(question, *objects, contents=None, states=None, on=""):
    """The answer about artifacts of a Falco pod that has loaded all of them."""
    files, without = files_of(objects, contents or {})
    assert without == []
    one = pod()
    said = [entry(each, **(states or {})) for each in objects]
    seen = observed(*objects, one, node(), node("node-2"), report(one, *said))
    return answered(question, files, seen, on)


def does(answer):
    return [f"{step.file.place.name}:{step.line} {step.does} {step.kind}" for step in answer.steps]


def test_what_files_do_to_a_rule_is_told_in_the_order_of_loading():
    answer = ask(
        "A shell",
        rules("silent", QUIET, priority=90),
        rules("mine", {"macro": "m", "condition": "x"}, SHELL),
        rules("more", MORE, priority=60),
        rules("other", SHELL | {"rule": "B"}),
    )
    assert does(answer) == [
        "50-03-mine-inline.yaml:3 defines rule",
        "60-03-more-inline.yaml:1 appends to condition of, replaces output of rule",
        "90-03-silent-inline.yaml:1 sets enabled: false of rule",
    ]
    assert answer.outcome is Outcome.KNOWN


def test_a_rule_that_is_defined_twice_has_the_later_definition():
    answer = ask("A shell", rules("first", SHELL), rules("second", SHELL, priority=51))
    assert does(answer) == [
        "50-03-first-inline.yaml:1 defines rule",
        "51-03-second-inline.yaml:1 defines anew rule",
    ]


def test_macros_and_lists_are_found_too():
    shells = {"list": "shells", "items": ["bash"]}
    more = {"list": "shells", "items": ["zsh"], "override": {"items": "append"}}
    answer = ask("shells", rules("a", shells), rules("b", more))
    assert does(answer) == [
        "50-03-a-inline.yaml:1 defines list",
        "50-03-b-inline.yaml:1 appends to list",
    ]


@pytest.mark.parametrize(
    ("chosen", "by"),
    [({"rule": "A *"}, "rule A *"), ({"tag": "shells"}, "tag shells"), ({"rule": "B"}, "")],
)
def test_what_falco_yaml_enables_or_disables_counts(chosen, by):
    answer = ask("A shell", rules("a", SHELL), config("off", {"rules": [{"disable": chosen}]}))
    told = does(answer)[1:]
    assert told == ([f"50-03-off-inline.yaml:2 disables (by {by}) rule"] if by else [])


def test_content_that_is_not_at_hand_is_named():
    far = artifact("far", spec=OCI)
    answer = ask("Unknown rule", rules("a", SHELL), far)
    assert answer.outcome is Outcome.UNKNOWN
    assert "/etc/falco/rules.d/50-01-far-oci.yaml (Rulesfile/far, ghcr.io/acme/rules:1)" in (
        text_of(answer, ())
    )
    assert ask("Unknown rule", rules("a", SHELL)).outcome is Outcome.WRONG


def test_no_terminal_obeys_the_digest_in_a_status():
    far = artifact("far", spec={"ociArtifact": {"image": {"repository": "a/b"}}})
    far["status"]["resolved"]["ociDigest"] = "\x1b[2J"
    assert "\x1b" not in text_of(ask("A shell", far), [])


def test_the_content_of_a_config_map_is_read_by_key():
    one = artifact("cm", spec={"configMapRef": {"name": "mine"}})
    (key,) = config_maps_of([one])
    assert key == ConfigMapKey(NAMESPACE, "mine", "rules.yaml")
    text = "- rule: A shell\n  enabled: false\n"
    answer = ask("A shell", one, contents={key: text})
    assert does(answer) == ["50-02-cm-configmap.yaml:1 sets enabled: false of rule"]
    assert ask("A shell", one).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    "question",
    [
        "50-03-mine-inline.yaml",
        "rules.d/50-03-mine-inline.yaml",
        "/etc/falco/rules.d/50-03-mine-inline.yaml",
    ],
)
def test_a_file_leads_to_its_artifact_source_and_revision(question):
    mine = rules("mine", SHELL)
    answer = ask(question, mine, rules("later", QUIET, SHELL, priority=51))
    (standing,) = answer.files
    assert standing.overridden == (
        (
            "/etc/falco/rules.d/51-03-later-inline.yaml "
            "sets enabled: false of rule A shell, defines anew rule A shell"
        ),
    )
    assert text_of(answer, ()).startswith(
        "/etc/falco/rules.d/50-03-mine-inline.yaml\n"
        "    from: Rulesfile/mine in namespace default\n"
        "    source: spec.inlineRules\n"
        f"    revision: {REVISION}\n"
        "    pods: LOADED 1\n"
    )


def test_keys_of_falco_yaml_that_a_later_file_replaces_are_named():
    answer = ask(
        "50-03-a-inline.yaml",
        config("a", {"json_output": True, "webserver": {"enabled": True}, "x": 1}),
        config("b", {"webserver": {"enabled": False}, "y": 1}, priority=60),
    )
    (standing,) = answer.files
    assert standing.overridden == (
        "/etc/falco/config.d/60-03-b-inline.yaml replaces key webserver",
    )


def test_the_file_of_all_plugins_says_who_has_a_name():
    older, younger = plugin("old", "json"), plugin("new", "json", created="2021-01-01T00:00:00Z")
    answer = ask("zz-plugins.yaml", older, younger)
    assert [(one.file.artifact.meta.ref.name, one.note) for one in answer.files] == [
        ("old", ""),
        ("new", "the plugin name json is taken by the older Plugin old"),
    ] or [one.note for one in answer.files] == [
        "the plugin name json is taken by the older Plugin old",
        "",
    ]
    assert answer.outcome is Outcome.WRONG


def test_a_pod_that_has_not_loaded_a_file_is_named():
    states = {"state": "Failed", "loaded": "", "message": "rule A shell: no"}
    answer = ask("50-03-mine-inline.yaml", rules("mine", SHELL), states=states)
    assert answer.outcome is Outcome.WRONG
    assert "FAILED on node-1: rule A shell: no; the version before stays" in text_of(answer, ())


def test_one_node_is_asked_alone():
    answer = ask("50-03-mine-inline.yaml", rules("mine", SHELL), on="node-2")
    (standing,) = answer.files
    assert not any(standing.row.counts.values())


def test_a_file_of_nobody_is_explained_by_its_name():
    answer = ask("/etc/falco/rules.d/70-01-gone-oci.yaml", rules("mine", SHELL))
    assert answer.notes == (
        "no artifact here becomes a file 70-01-gone-oci.yaml",
        "by its name it would be of an artifact gone with priority 70, and its source oci",
    )
    assert answer.outcome is Outcome.WRONG
    assert "base configuration" in ask("/etc/falco/falco.yaml").notes[0]


def test_json_holds_what_the_text_says():
    answer = ask("A shell", rules("mine", SHELL), artifact("far", spec=OCI))
    told = list(items(answer, ["configmaps could not be read"]))
    assert [one["kind"] for one in told] == ["Step", "File", "NotAtHand", "Unread"]
    assert told[1]["pods"] == {"LOADED": 1}


def test_an_artifact_that_cannot_be_read_is_told():
    bad = artifact("bad", spec={"ociArtifact": {"image": {"repository": "UPPER"}}})
    files, without = files_of([bad], {})
    assert files == []
    assert without[0].startswith("Rulesfile/default/bad has no file: spec.ociArtifact")
