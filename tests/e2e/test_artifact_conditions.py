"""Every row of the tables of conditions and Events of artifacts, from a real run.

ActorParked takes a bug, so tests/actors and tests/supervisors show it; SignatureInvalid is to come.
"""

import time
from contextlib import contextmanager

import pytest

from deploy.local import Registry
from deploy.local.publisher import Repository, publish_plugin, publish_rules
from resources.node.files import Directory
from sidecar.volume.disk import SUBDIRECTORY
from tests.actors.registry.hostile_registry import REPOSITORY, HostileRegistry, manifest_path
from tests.e2e.one_node import one_node
from tests.eventually import eventually

NOWHERE = {"matchLabels": {"nobody": "has this"}}
ABSENT = f"sha256:{'0' * 64}"
LIBRARIES = {"linux/amd64": b"a library", "linux/arm64": b"a library"}


@pytest.fixture(scope="module")
def shared(cluster, api, tmp_path_factory):
    with one_node(cluster, api, tmp_path_factory.mktemp("conditions")) as made:
        yield made


@pytest.fixture
def fleet(shared):
    """The only node, without any artifact."""
    yield shared
    shared.clear()


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    with Registry(tmp_path_factory.mktemp("registry")) as started:
        yield started


@pytest.fixture
def silent():
    with SilentRegistry() as started:
        yield started


class SilentRegistry(HostileRegistry):
    """Says nothing to who asks, and does not hang up."""

    def say_nothing(self, request):
        request.close_connection = True
        self.over.wait()


def rules(name="opened", **fields):
    return [{"macro": name, "condition": "evt.type = open", **fields}]


def text(name="opened"):
    return f"- macro: {name}\n  condition: evt.type = open\n"


def oci(registry, tag="latest", repository=REPOSITORY):
    """Where `registry` is one of either kind."""
    address = getattr(registry, "address", None) or f"127.0.0.1:{registry.port}"
    image = {"repository": repository, "tag": tag}
    return {"image": image, "registry": {"name": address, "plainHTTP": True}}


# Conditions.


def test_what_is_there_everywhere_is_programmed(fleet):
    fleet.apply("Rulesfile", "fine", inlineRules=rules())
    message = fleet.said("Rulesfile", "fine", "True", "Programmed")
    assert message == "Installed on 1 pod; macros that nothing uses: opened"
    references = fleet.said("Rulesfile", "fine", "True", "ReferenceResolved", "ResolvedRefs")
    assert references == "All that is referred to is there"


@pytest.mark.parametrize("kind", ["Rulesfile", "Config"])
def test_a_missing_configmap_is_named_by_both_conditions(fleet, kind):
    name = f"missing-{kind.lower()}"
    fleet.apply(kind, name, configMapRef={"name": "nothing"})
    for which in ("ResolvedRefs", "Programmed"):
        message = fleet.said(kind, name, "False", "ReferenceResolutionFailed", which)
        assert message == "ConfigMap nothing does not exist"
    assert "ociDigest" not in fleet.status(kind, name).get("resolved", {})
    fleet.told(name, "ReferenceResolutionFailed")


@pytest.mark.parametrize("kind", ["Rulesfile", "Plugin"])
@pytest.mark.parametrize(
    ("tag", "instance", "message"),
    [
        ("absent", "operator", "there is no manifest absent (404)"),
        (ABSENT, "node", f"there is no manifest {ABSENT} (404)"),
    ],
)
def test_what_a_registry_does_not_have_is_told_by_who_asked(
    fleet, registry, kind, tag, instance, message
):
    name = f"absent-{kind.lower()}-{instance}"
    fleet.apply(kind, name, ociArtifact=oci(registry, tag))
    assert message in fleet.said(kind, name, "False", "OCIArtifactStoreFailed")
    fleet.said(kind, name, "True", "ReferenceResolved", "ResolvedRefs")
    event = fleet.told(name, "OCIArtifactStoreFailed")["OCIArtifactStoreFailed"]
    assert (event["reportingInstance"] == fleet.node.node) == (instance == "node")
    assert event["type"] == "Warning"
    assert message in event["note"]


@contextmanager
def unwritable(node, directory):
    """Nothing can be prepared in the volume meanwhile; what is installed stays."""
    place = node.root / directory.value / SUBDIRECTORY
    aside = place.with_name("aside")
    place.rename(aside)
    place.write_text("in the way")
    try:
        yield
    finally:
        place.unlink()
        aside.rename(place)


CONFIG = {"config": {"log_level": "debug"}}
NO_LIBRARY = {"config": {"libraryPath": "/opt/libnone.so"}}
NAMED = {"configMapRef": {"name": "named"}}
STORES = [
    ("Rulesfile", Directory.RULES, {"inlineRules": rules()}, "InlineRules", "Inline"),
    ("Rulesfile", Directory.RULES, NAMED, "ConfigMapRules", "ConfigMap"),
    ("Rulesfile", Directory.RULES, {"ociArtifact": "rules"}, "OCIArtifact", "OCI"),
    ("Config", Directory.CONFIG, CONFIG, "InlineConfig", "Inline"),
    ("Config", Directory.CONFIG, NAMED, "ConfigMapConfig", "ConfigMap"),
    ("Plugin", Directory.CONFIG, NO_LIBRARY, "InlinePluginConfig", "Inline"),
    ("Plugin", Directory.PLUGINS, {"ociArtifact": "plugin"}, "OCIArtifact", "OCI"),
]


@pytest.mark.parametrize(
    ("kind", "directory", "spec", "store", "medium"),
    STORES,
    ids=[f"{kind}-{store}" for kind, _, _, store, _ in STORES],
)
def test_what_cannot_be_stored_is_told_by_its_source_and_comes_once_it_can(
    fleet, registry, kind, directory, spec, store, medium
):
    target, name = Repository(registry.url), f"{kind}-{store}".lower()
    publish_rules(target, "falco/rules", ["latest"], text())
    publish_plugin(target, "falco/plugin", ["latest"], LIBRARIES)
    fleet.config_map("named", rules_yaml=text(), config_yaml="log_level: debug\n")
    if "ociArtifact" in spec:
        spec = {"ociArtifact": oci(registry, repository=f"falco/{spec['ociArtifact']}")}
    # It names the ConfigMap, so that the node has the right to read that before the case begins.
    fleet.apply("Rulesfile", "there-before", configMapRef={"name": "named"})
    fleet.programmed("Rulesfile", "there-before")
    before = fleet.files()
    with unwritable(fleet.node, directory):
        fleet.apply(kind, name, **spec)
        message = fleet.said(kind, name, "False", f"{store}StoreFailed")
        assert fleet.node.node in message
        assert SUBDIRECTORY in message
        event = fleet.told(name, f"{store}StoreFailed")[f"{store}StoreFailed"]
        assert event["reportingInstance"] == fleet.node.node
    fleet.said(kind, name, "True", "Programmed")
    assert before.items() < fleet.files().items()
    fleet.told(name, f"{store}StoreFailed", f"{medium}ArtifactStored")


def test_content_that_falco_would_not_take_is_told_by_the_node(fleet):
    fleet.apply("Rulesfile", "invalid", inlineRules=[{"macro": "opened"}])
    message = fleet.said("Rulesfile", "invalid", "False", "InvalidContent")
    problem = 'macro "opened" (line 1): key condition: it is missing'
    assert message == f"Failed on 1 of 1 pod: {fleet.node.node}: {problem}"
    event = fleet.told("invalid", "InvalidContent")["InvalidContent"]
    assert event["reportingInstance"] == fleet.node.node
    assert event["note"] == f"On node {fleet.node.node}: {problem}"


def test_a_spec_that_nobody_can_carry_out_is_told_by_the_operator(fleet, registry):
    fleet.apply("Rulesfile", "impossible", ociArtifact=oci(registry, repository="Not/Valid"))
    message = fleet.said("Rulesfile", "impossible", "False", "InvalidContent")
    assert "spec.ociArtifact.image.repository: 'Not/Valid' is not valid" in message


def test_of_two_plugins_of_one_name_the_younger_is_in_conflict(fleet):
    config = {"name": "json", **NO_LIBRARY["config"]}
    fleet.apply("Plugin", "zebra", config=config)
    fleet.programmed("Plugin", "zebra")
    born = fleet.api.get("Plugin", fleet.namespace, "zebra")["metadata"]["creationTimestamp"]
    eventually(lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()) > born)
    fleet.apply("Plugin", "ant", config=config)
    message = fleet.said("Plugin", "ant", "False", "NameConflict")
    assert message.endswith("the plugin name is taken by the older Plugin zebra")
    assert fleet.condition("Plugin", "zebra")[0] == "True"
    event = fleet.told("ant", "NameConflict")["NameConflict"]
    assert event["reportingInstance"] == fleet.node.node


def test_what_nobody_has_reported_is_pending_and_the_pod_is_named(fleet):
    fleet.apply("Rulesfile", "waits", inlineRules=rules())
    fleet.programmed("Rulesfile", "waits")
    fleet.node.kill()
    try:
        fleet.apply("Rulesfile", "waits", inlineRules=rules("another"))
        message = fleet.said("Rulesfile", "waits", "Unknown", "Pending")
        assert message == f"Waiting for 1 of 1 pods: {fleet.node.pod}"
    finally:
        fleet.node.start()
    fleet.programmed("Rulesfile", "waits")
    fleet.told("waits", "InlineArtifactStored", "InlineArtifactUpdated")


def test_what_is_still_being_looked_up_is_pending(fleet, silent):
    silent.act(manifest_path("latest"), silent.say_nothing)
    fleet.apply("Rulesfile", "asked", ociArtifact=oci(silent))
    message = fleet.said("Rulesfile", "asked", "Unknown", "Pending")
    assert message == f"Looking up 127.0.0.1:{silent.port}/{REPOSITORY}:latest"


def test_what_a_node_is_still_fetching_is_pending_and_so_is_its_report(fleet, silent):
    silent.act(manifest_path(ABSENT), silent.say_nothing)
    fleet.apply("Rulesfile", "fetched", ociArtifact=oci(silent, ABSENT))
    fleet.said("Rulesfile", "fetched", "Unknown", "Pending")

    def reported():
        report = fleet.api.get("NodeReport", fleet.namespace, fleet.node.pod)
        return [one for one in report.get("artifacts", []) if one["name"] == "fetched"]

    (entry,) = eventually(reported)
    assert (entry["state"], entry["reason"]) == ("Pending", "Pending")
    assert entry["message"] == "being fetched: oci"


def test_what_no_node_is_to_have_is_known_to_be_on_none(fleet):
    fleet.apply("Rulesfile", "nowhere", inlineRules=rules(), selector=NOWHERE)
    message = fleet.said("Rulesfile", "nowhere", "Unknown", "NoNodes")
    assert message == "The selector covers no node of a Falco pod"
    assert not fleet.files()
    assert not fleet.events_about("nowhere")


# Warnings.


def test_warnings_are_in_the_message_and_hold_up_nothing(fleet):
    unknown = rules("one", colour="red") + rules("two", size="large")
    fleet.apply("Rulesfile", "odd", inlineRules=unknown)
    message = fleet.said("Rulesfile", "odd", "True", "Programmed")
    assert message.startswith("Installed on 1 pod; ")
    assert 'macro "one" (line 1): Falco ignores unknown keys: colour' in message
    assert 'macro "two" (line 4): Falco ignores unknown keys: size' in message
    web_server = {"listen_port": 9, "prometheus_metrics_enabled": True}
    fleet.apply("Config", "odd-config", config={"webserver": web_server, "colour": "red"})
    message = fleet.said("Config", "odd-config", "True", "Programmed")
    assert 'key "colour" (line 1): Falco does not know it' in message
    assert "key webserver (line 2): Falco replaces it as a whole" in message
    assert fleet.node.configs()["50-03-odd-config-inline.yaml"]


# Events.

MEDIA = ("OCIArtifact", "ConfigMapArtifact", "InlineArtifact")


def test_every_source_is_told_of_by_itself_from_its_first_to_its_last(fleet, registry):
    target = Repository(registry.url)
    publish_rules(target, "falco/rules", ["1"], text("first"))
    publish_rules(target, "falco/rules", ["2"], text("second"))
    fleet.config_map("named", rules_yaml=text("named"))
    spec = {**NAMED, "ociArtifact": oci(registry, "1"), "inlineRules": rules("here")}
    fleet.apply("Rulesfile", "all", **spec)
    told = [f"{medium}Stored" for medium in MEDIA]
    events = fleet.told("all", *told)
    assert all(event["note"].endswith("installed on 1 pod") for event in events.values())
    assert all(event["reportingInstance"] != fleet.node.node for event in events.values())

    spec["ociArtifact"] = oci(registry, "2")
    fleet.apply("Rulesfile", "all", **spec)
    fleet.told("all", *told, "OCIArtifactUpdated")
    fleet.config_map("named", rules_yaml=text("renamed"))
    fleet.told("all", *told, "OCIArtifactUpdated", "ConfigMapArtifactUpdated")
    spec["inlineRules"] = rules("there")
    fleet.apply("Rulesfile", "all", **spec)
    told += [f"{medium}Updated" for medium in MEDIA]
    fleet.told("all", *told)

    fleet.apply("Rulesfile", "all", **spec, priority=7)
    told += [f"{medium}PriorityChanged" for medium in MEDIA]
    events = fleet.told("all", *told)
    notes = {event["note"] for event in events.values() if "Priority" in event["reason"]}
    assert notes == {"Priority 7 on 1 pod"}

    del spec["inlineRules"]
    fleet.apply("Rulesfile", "all", **spec, priority=7)
    event = fleet.told("all", *told, "InlineArtifactRemoved")["InlineArtifactRemoved"]
    assert event["note"] == f"Removed 07-03-all-inline.yaml from node {fleet.node.node}"
    fleet.delete("Rulesfile", "all")
    told += [f"{medium}Removed" for medium in MEDIA]
    events = fleet.told("all", *told)
    removed = [event for event in events.values() if "Removed" in event["reason"]]
    assert {event["reportingInstance"] for event in removed} == {fleet.node.node}


def test_a_node_that_is_not_selected_any_more_tells_of_the_removal(fleet):
    fleet.apply("Rulesfile", "left", inlineRules=rules())
    fleet.told("left", "InlineArtifactStored")
    fleet.apply("Rulesfile", "left", inlineRules=rules(), selector=NOWHERE)
    fleet.told("left", "InlineArtifactStored", "InlineArtifactRemoved")


def test_a_library_a_configuration_and_a_plugin_without_library_are_told_of_as_well(
    fleet, registry
):
    publish_plugin(Repository(registry.url), "falco/plugin", ["latest"], LIBRARIES)
    fleet.config_map("named", config_yaml="log_level: info\n")
    fleet.apply("Plugin", "library", ociArtifact=oci(registry, repository="falco/plugin"))
    fleet.apply("Plugin", "entry", **NO_LIBRARY)
    fleet.apply("Config", "settings", **NAMED, **CONFIG)
    known = {
        "library": ["OCIArtifact"],
        "entry": ["InlineArtifact"],
        "settings": ["ConfigMapArtifact", "InlineArtifact"],
    }
    for name, media in known.items():
        fleet.told(name, *(f"{medium}Stored" for medium in media))
    for kind, name in (("Plugin", "library"), ("Plugin", "entry"), ("Config", "settings")):
        fleet.delete(kind, name)
    for name, media in known.items():
        fleet.told(name, *(f"{medium}{word}" for medium in media for word in ("Stored", "Removed")))


def test_nothing_is_told_where_nothing_changes(fleet, registry):
    publish_rules(Repository(registry.url), "falco/rules", ["latest"], text())
    fleet.apply("Rulesfile", "calm", ociArtifact=oci(registry), inlineRules=rules("here"))
    fleet.told("calm", "OCIArtifactStored", "InlineArtifactStored")
    fleet.apply("Rulesfile", "broken", inlineRules=[{"macro": "opened"}])
    fleet.told("broken", "InvalidContent")
    before = fleet.files()
    annotation = {"metadata": {"annotations": {"example.org/seen": "yes"}}}
    for name in ("calm", "broken"):
        fleet.api.merge("Rulesfile", fleet.namespace, name, annotation)
    fleet.operator.stop()
    fleet.operator.start()
    fleet.node.kill()
    fleet.node.start()
    fleet.apply("Rulesfile", "sentinel", inlineRules=rules("sentinel"))
    fleet.told("sentinel", "InlineArtifactStored")
    fleet.told("calm", "OCIArtifactStored", "InlineArtifactStored")
    fleet.told("broken", "InvalidContent")
    assert before.items() < fleet.files().items()
