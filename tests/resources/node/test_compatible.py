"""Whether the Falco of a node has what its artifacts need, and what is told of it."""

import json

import pytest

from resources.artifact.medium import Medium
from resources.artifact.nodereport import ArtifactReport
from resources.check.check_request import Verdict
from resources.check.needs import Needs, needs
from resources.node.artifact import NodeArtifact
from resources.node.compatible import (
    NodeParts,
    PresentPlugin,
    needs_of,
    parts_of,
    plugins_of,
    with_compatible,
)
from resources.node.plan import Plan, PlannedSlot
from resources.node.plugin_entries import PluginEntry
from resources.node.slots import Content, SlotId, SlotVersion
from resources.registry.request import Dependency, Requirement
from resources.rules.versions import FalcoVersions, versions_of

SLOT = SlotId("Rulesfile", "rules", "uid", Medium.OCI)
ENGINE = "engine_version_semver"
API = "plugin_api_version"
CONTAINER = Dependency("container", "0.4.0")
AUDIT = Dependency("theirs", "1.0.0", (Requirement("k8saudit-eks", "0.4.0"),))


def told(
    *wanted, falco="0.44.1", plugins=None, state="Programmed", is_complete=True, expected=None
):
    """State and message of one artifact with these needs."""
    report = ArtifactReport(kind="Rulesfile", name="rules", uid="uid", revision="1", state=state)
    versions = falco if isinstance(falco, FalcoVersions) else versions_of(falco)
    parts = NodeParts("ns", versions, plugins or {}, expected or {}, is_complete)
    requirements = [one for one in wanted if isinstance(one, Requirement)]
    dependencies = [one for one in wanted if isinstance(one, Dependency)]
    (answered,) = with_compatible([report], {SLOT: needs(requirements, dependencies)}, parts)
    return answered.compatible, answered.compatible_message


def present(version, name="container"):
    return {name: PresentPlugin("of-mine", version)}


@pytest.mark.parametrize(
    ("need", "falco", "answer"),
    [
        (Requirement(ENGINE, "0.62.0"), "0.44.1", ("True", None)),
        (Requirement(ENGINE, "0.58.0"), "0.44.1", ("True", None)),
        (
            Requirement(ENGINE, "0.62.0"),
            "0.43.1",
            ("False", "needs engine 0.62.0 or newer, it has 0.58.0"),
        ),
        (
            Requirement(ENGINE, "0.62.0"),
            "latest",
            ("Unknown", "needs engine 0.62.0, and which it has is not known"),
        ),
        (Requirement(ENGINE, "new"), "0.44.1", ("True", None)),
        (Requirement(API, "3.12.0"), "0.42.0", ("True", None)),
        (
            Requirement(API, "3.12.0"),
            "0.41.3",
            ("False", "needs plugin API 3.12.0 or newer, it has 3.11.0"),
        ),
        (Requirement("something_else", "9.0.0"), "0.44.1", ("True", None)),
    ],
)
def test_falco_has_a_part_of_that_version_or_not(need, falco, answer):
    assert told(need, falco=falco) == answer


@pytest.mark.parametrize("version", ["0.4.0", "0.7.1", "", "mine"])
def test_a_plugin_that_will_do_or_cannot_be_judged_is_enough(version):
    assert told(CONTAINER, plugins=present(version)) == ("True", None)


def test_a_missing_plugin_is_named_with_the_manifest_that_brings_it():
    state, message = told(CONTAINER)
    before, manifest = message.split("; this brings it: ")
    assert (state, before) == (
        "False",
        "needs plugin container 0.4.0 or newer, which is not installed",
    )
    assert json.loads(manifest) == {
        "apiVersion": "artifact.falcosecurity.dev/v1alpha1",
        "kind": "Plugin",
        "metadata": {"name": "container", "namespace": "ns"},
        "spec": {
            "ociArtifact": {
                "image": {"repository": "falcosecurity/plugins/plugin/container", "tag": "0.4.0"}
            }
        },
    }


def test_of_alternatives_one_that_is_published_is_advised():
    state, message = told(AUDIT)
    assert state == "False"
    assert message.startswith(
        "needs plugin theirs 1.0.0 or newer, or plugin k8saudit-eks 0.4.0 or newer, "
        'which is not installed; this brings it: {"apiVersion"'
    )
    assert '"tag":"0.4.0"' in message
    assert told(AUDIT, plugins=present("0.4.0", "k8saudit-eks")) == ("True", None)


def test_a_plugin_that_nobody_publishes_has_no_manifest():
    assert told(Dependency("theirs", "1.0.0"))[1] == (
        "needs plugin theirs 1.0.0 or newer, which is not installed"
    )


@pytest.mark.parametrize(
    ("version", "text"),
    [
        ("0.3.9", "needs plugin container 0.4.0 or newer, Plugin of-mine brings 0.3.9; "),
        (
            "1.0.0",
            (
                "needs plugin container 0.4.0 or newer and older than 1.0.0, "
                "Plugin of-mine brings 1.0.0; "
            ),
        ),
    ],
)
def test_a_plugin_of_another_version_is_named_with_the_change_that_mends_it(version, text):
    state, message = told(CONTAINER, plugins=present(version))
    assert state == "False"
    assert message == text + (
        "kubectl -n ns patch plugins of-mine --type=merge "
        '-p \'{"spec":{"ociArtifact":{"image":{"tag":"0.4.0"}}}}\' changes that'
    )


def test_a_plugin_that_no_plugin_resource_brings_has_no_version_that_is_known():
    assert plugins_of(["container"], {}) == {"container": PresentPlugin("", "")}


def test_a_plugin_that_exists_and_is_not_installed_is_named_and_not_to_be_applied_anew():
    text = "needs plugin container 0.4.0 or newer, and Plugin of-mine is not installed"
    assert told(CONTAINER, expected={"container": "of-mine"}) == ("False", text)
    artifacts = [
        NodeArtifact(kind, name, "uid", "1", True, None)
        for kind, name in (("Plugin", "of-mine"), ("Plugin", "failed"), ("Rulesfile", "r"))
    ]
    entry = PluginEntry("container", "libcontainer.so")
    slot = SlotId("Plugin", "of-mine", "uid", Medium.OCI)
    planned = Plan((PlannedSlot(slot, SlotVersion("x.so", "", None, entry), None),), {})
    expected = {"of-mine": "of-mine", "failed": "failed", "container": "of-mine"}
    falco = FalcoVersions()
    assert parts_of("ns", falco, {}, artifacts, planned) == NodeParts("ns", falco, {}, expected)
    coming = [*artifacts, artifacts[0]._replace(is_coming=True)]
    assert not parts_of("ns", falco, {}, coming, planned).is_complete


def test_while_plugins_are_on_their_way_nothing_is_said_of_plugins():
    assert told(CONTAINER, is_complete=False) == (None, None)
    assert told(CONTAINER, plugins=present("0.3.9"), is_complete=False) == (None, None)
    old = told(CONTAINER, Requirement(ENGINE, "0.99.0"), is_complete=False)
    assert old == ("False", "needs engine 0.99.0 or newer, it has 0.62.0")


def test_a_falco_that_is_too_old_does_not_hide_a_plugin_that_is_missing():
    state, message = told(CONTAINER, Requirement(ENGINE, "0.99.0"))
    assert state == "False"
    assert message.startswith(
        "needs engine 0.99.0 or newer, it has 0.62.0; needs plugin container 0.4.0 or newer, which"
    )


def test_all_that_is_lacking_is_told_as_long_as_it_fits_and_no_manifest_is_cut():
    names = ["container", "json", "k8saudit", "okta", "github", "kafka"]
    state, message = told(*(Dependency(name, "0.4.0") for name in names))
    assert state == "False"
    assert len(message.encode()) <= 1024
    *texts, rest = message.split("; needs ")
    manifests = [text.split("; this brings it: ")[1] for text in texts]
    manifests.append(rest.split("; this brings it: ")[1].split("; and ")[0])
    assert [json.loads(one)["metadata"]["name"] for one in manifests] == names[: len(manifests)]
    assert message.endswith(f"; and {len(names) - len(manifests)} more")


@pytest.mark.parametrize("text", ["x" * 5000, "a\nb", "\udc80"])
def test_whatever_an_artifact_calls_its_needs_is_told_in_short(text):
    state, message = told(Dependency(text, text), Requirement(ENGINE, text), falco="latest")
    assert state == "False"
    assert len(message.encode()) < 600
    assert "\n" not in message


def test_nothing_is_said_of_what_is_not_selected_or_has_not_come():
    assert told(CONTAINER, state="NotSelected") == (None, None)
    report = ArtifactReport(kind="Rulesfile", name="a", uid="u", revision="1", state="Failed")
    assert with_compatible([report], {}, NodeParts("ns", FalcoVersions(), {})) == (report,)


def test_rules_have_the_needs_of_their_content_and_plugins_those_of_their_artifact():
    api = Needs((Requirement(API, "3.6.0"),))
    plugin = SlotId("Plugin", "json", "uid", Medium.OCI)
    wanted = SlotVersion("r.yaml", "", Content("ab" * 32, "x"))
    library = SlotVersion(
        "json.so", "", Content("cd" * 32, "y", needs=api), PluginEntry("json", "json.so")
    )
    slots = (PlannedSlot(SLOT, wanted, None), PlannedSlot(plugin, library, None))
    engine = Needs((Requirement(ENGINE, "0.1.0"),))
    verdict = Verdict(needs={f"/a/{'ab' * 32}": engine, f"/a/{'ef' * 32}": Needs()})
    assert needs_of(Plan(slots, {}), verdict) == {SLOT: engine, plugin: api}
    gone = PlannedSlot(SLOT, None, wanted)
    assert needs_of(Plan((gone,), {}), verdict) == {}
    assert needs_of(Plan(slots[:1], {}), Verdict()) == {}
