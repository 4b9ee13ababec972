"""What the API server keeps and shows of our objects."""

import pytest

from tests.crds.manifests import manifest, new_namespace, put_into

EXAMPLES = {
    "Falco": {
        "podTemplateSpec": {
            "spec": {
                "containers": [
                    {
                        "name": "falco",
                        "ports": [{"containerPort": 8765}],
                        "resources": {"limits": {"cpu": "1000m"}},
                    }
                ]
            }
        }
    },
    "Component": {"component": {"type": "metacollector"}},
    "Rulesfile": {"ociArtifact": {"image": {"repository": "r"}}, "inlineRules": [{"list": "l"}]},
    "Plugin": {"ociArtifact": {"image": {"repository": "r"}}},
    "Config": {"config": {"json_output": True}},
}


@pytest.fixture(scope="module")
def examples(crds):
    """A namespace with one object of every kind that users write."""
    namespace = new_namespace(crds)
    for kind, spec in EXAMPLES.items():
        put_into(crds, namespace, manifest(kind, spec=spec))
    yield namespace
    crds.kubectl("delete", "namespace", namespace, "--wait=false")


def test_applying_again_changes_nothing(put):
    for kind, spec in EXAMPLES.items():
        document = manifest(kind, spec=spec)
        # The API server stores a status that it has set by default with the first change.
        put(document)
        versions = {put(document)["metadata"]["resourceVersion"] for _ in range(2)}
        assert len(versions) == 1, kind


def test_absent_fields_stay_absent_unless_they_have_a_default(put):
    assert put(manifest("Falco", spec={}))["spec"] == {}
    assert put(manifest("Config", spec={}))["spec"] == {"priority": 50}
    assert put(manifest("Plugin", spec=EXAMPLES["Plugin"]))["spec"]["ociArtifact"] == {
        "image": {"repository": "r", "tag": "latest"},
        "pollInterval": "10m",
    }


def test_two_managers_share_a_template_by_container_name(put):
    def container(name, **fields):
        spec = {"podTemplateSpec": {"spec": {"containers": [{"name": name, **fields}]}}}
        return manifest("Falco", spec=spec)

    put(container("falco", image="a"), "--field-manager=one")
    stored = put(container("other", image="b"), "--field-manager=two")
    names = [item["name"] for item in stored["spec"]["podTemplateSpec"]["spec"]["containers"]]
    assert names == ["falco", "other"]


def test_status_goes_through_its_subresource_only(put):
    status = {"version": "0.44.1", "desiredReplicas": 0}
    document = manifest("Falco", spec={}, status=status)
    assert set(put(document)["status"]) == {"conditions"}
    assert put(document, "--subresource=status")["status"].items() >= status.items()


CONDITIONS = {
    **dict.fromkeys(["Falco", "Component"], ("Reconciled", "Available")),
    "Config": ("ResolvedRefs", "Programmed", "Loaded"),
    **dict.fromkeys(
        ["Rulesfile", "Plugin"], ("ResolvedRefs", "Programmed", "Loaded", "Compatible")
    ),
}


@pytest.mark.parametrize("kind", CONDITIONS)
def test_a_resource_has_its_conditions_from_the_first_moment_and_nobody_owns_them(put, kind):
    for stored in (
        put(manifest(kind, spec=EXAMPLES[kind]), "--show-managed-fields") for _ in range(2)
    ):
        conditions = stored["status"]["conditions"]
        assert [(known["type"], known["status"], known["reason"]) for known in conditions] == [
            (name, "Unknown", "Pending") for name in CONDITIONS[kind]
        ]
        (entry,) = stored["metadata"]["managedFields"]
        assert "f:status" not in entry["fieldsV1"]


def test_a_report_is_written_whole(put):
    entry = {"kind": "Plugin", "name": "json", "uid": "u", "revision": "r", "state": "Pending"}
    report = manifest("NodeReport", nodeName="node-1", podUID="p", artifacts=[entry])
    stored = put(report)
    assert (stored["nodeName"], stored["podUID"], stored["artifacts"]) == ("node-1", "p", [entry])


@pytest.mark.parametrize(
    ("category", "kinds"),
    [
        ("falcosecurity", {"falco", "component", "rulesfile", "plugin", "config"}),
        ("instances", {"falco", "component"}),
        ("artifacts", {"rulesfile", "plugin", "config"}),
    ],
)
def test_a_category_shows_its_kinds(crds, examples, category, kinds):
    output = crds.kubectl("get", category, "-n", examples, "-o", "name").stdout.split()
    assert {line.partition(".")[0] for line in output} == kinds


@pytest.mark.parametrize(
    ("plural", "header"),
    [
        ("falcos", "NAME TYPE VERSION DESIRED READY RECONCILED AVAILABLE AGE"),
        ("components", "NAME TYPE RESOURCETYPE VERSION DESIRED READY RECONCILED AVAILABLE AGE"),
        ("rulesfiles", "NAME PRIORITY PROGRAMMED LOADED COMPATIBLE RESOLVEDREFS PODS AGE"),
        ("configs", "NAME PRIORITY PROGRAMMED LOADED RESOLVEDREFS PODS AGE"),
        ("plugins", "NAME PROGRAMMED LOADED COMPATIBLE RESOLVEDREFS PODS AGE"),
    ],
)
def test_kubectl_get_shows_the_columns(crds, examples, plural, header):
    output = crds.kubectl("get", plural, "-n", examples).stdout
    assert output.splitlines()[0].split() == header.split()


def test_columns_show_what_status_says(crds, put):
    condition = {
        "type": "Available",
        "status": "True",
        "reason": "DaemonSetAvailable",
        "message": "",
        "lastTransitionTime": "2025-01-01T00:00:00Z",
    }
    status = {
        "resourceType": "DaemonSet",
        "version": "0.44.1",
        "desiredReplicas": 3,
        "availableReplicas": 0,
        "conditions": [condition, condition | {"type": "Reconciled", "status": "False"}],
    }
    namespace = put(manifest("Falco", spec={}))["metadata"]["namespace"]
    put(manifest("Falco", status=status), "--subresource=status")
    row = crds.kubectl("get", "falcos", "-n", namespace, "--no-headers").stdout.split()
    assert row[:-1] == ["example", "DaemonSet", "0.44.1", "3", "0", "False", "True"]
