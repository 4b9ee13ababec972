"""Compatible: which Falco of a namespace has what an artifact needs, as a user sees it."""

from operator import itemgetter

import pytest

from tests.e2e.costs import rule
from tests.eventually import eventually

NEEDS_ENGINE = {"required_engine_version": "0.60.0"}
NEEDS_PLUGIN = {"required_plugin_versions": [{"name": "container", "version": "0.4.0"}]}
MISSING = (
    "needs plugin container 0.4.0 or newer, which is not installed; this brings it: "
    '{{"apiVersion":"artifact.falcosecurity.dev/v1alpha1","kind":"Plugin",'
    '"metadata":{{"name":"container","namespace":"{}"}},"spec":{{"ociArtifact":{{"image":'
    '{{"repository":"falcosecurity/plugins/plugin/container","tag":"0.4.0"}}}}}}}}'
)


@pytest.fixture
def falcos(fleet):
    """Falcos of two versions, each with a pod and its sidecar."""
    for name, version in (("old", "0.43.1"), ("new", "0.45.0")):
        flags = (f"--falco-name={name}", f"--falco-version={version}")
        fleet.falco(name, flags=flags, version=version, type="Deployment", replicas=1)
    yield fleet.start()
    fleet.stop()


def compatible(fleet, name="rules"):
    return fleet.condition("Rulesfile", name, "Compatible")


def test_of_two_falcos_both_are_said(falcos):
    falcos.apply("Rulesfile", "rules", inlineRules=[NEEDS_ENGINE, rule("rules", "it happened")])
    said = (
        "Falco old 0.43.1: needs engine 0.60.0 or newer, it has 0.58.0; "
        "Falco new 0.45.0: all that it needs is there"
    )
    eventually(lambda: compatible(falcos) == ("False", "Incompatible", said))
    falcos.apply("Rulesfile", "rules", inlineRules=[rule("rules", "it happened")])
    said = "Falco new 0.45.0, Falco old 0.43.1: all that it needs is there"
    eventually(lambda: compatible(falcos) == ("True", "Compatible", said))


def test_each_report_names_its_falco_and_a_table_shows_it(cluster, falcos):
    reports = eventually(
        lambda: (
            found
            if len(found := falcos.api.list("NodeReport", falcos.namespace)) == 2
            and all("falco" in one for one in found)
            else None
        )
    )
    assert sorted((report["falco"] for report in reports), key=itemgetter("name")) == [
        {"name": "new", "version": "0.45.0", "engineVersion": "0.63.0"},
        {
            "name": "old",
            "version": "0.43.1",
            "engineVersion": "0.58.0",
            "pluginAPIVersion": "3.12.0",
        },
    ]
    table = cluster.kubectl("get", "nodereports", "--namespace", falcos.namespace).stdout
    assert "FALCO" in table
    assert "0.43.1" in table


def test_the_plugin_that_is_missing_is_named_and_its_manifest_can_be_applied(cluster, falcos):
    falcos.apply("Rulesfile", "rules", inlineRules=[NEEDS_PLUGIN, rule("rules", "it happened")])
    missing = MISSING.format(falcos.namespace)
    said = f"Falco new 0.45.0, Falco old 0.43.1: {missing}"
    eventually(lambda: compatible(falcos) == ("False", "Incompatible", said))
    _, _, manifest = missing.partition("this brings it: ")
    cluster.kubectl("apply", "--dry-run=server", "-f", "-", input=manifest)
    plugin = {"name": "container", "libraryPath": "/opt/libcontainer.so"}
    falcos.apply("Plugin", "container", config=plugin)
    eventually(lambda: compatible(falcos)[0] == "True")
