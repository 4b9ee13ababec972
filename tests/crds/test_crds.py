"""The CRDs themselves: where they come from and what they tell."""

import pytest
import yaml

from crds.generate import DIRECTORY, files


def test_generating_again_changes_nothing(control_plane):
    wanted = files(lambda path: control_plane.client.call("GET", path))
    assert wanted == {path.name: path.read_text("utf-8") for path in DIRECTORY.glob("*.yaml")}


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("falco.spec.podTemplateSpec.spec.containers", ["env\t<[]Object>", "livenessProbe"]),
        ("falco.spec.updateStrategy.rollingUpdate", ["maxUnavailable", "maxSurge"]),
        ("component.spec.component.type", ["metacollector", "falcosidekick-ui"]),
        ("rulesfile.spec.ociArtifact.pollInterval", ["at least 30s"]),
        ("nodereport.artifacts.state", ["NotSelected"]),
        ("plugin", ["is root on its nodes"]),
        ("config", ["is root on its nodes"]),
        ("config.spec.config", ["program_output and plugins run code as root"]),
        ("rulesfile", ["their outputs go where its Configs say, as root"]),
        (
            "rulesfile.spec.validation",
            ["refused in either mode", "absent means what the operator's flag says"],
        ),
    ],
)
def test_explain_tells_what_a_field_is(crds, path, words):
    output = crds.kubectl("explain", path).stdout
    output = f"{output}\n{' '.join(output.split())}"  # which is folded
    assert [word for word in words if word not in output] == [], output


def fields_without_description(schema, path=""):
    for name, value in schema.get("properties", {}).items():
        if not value.get("description"):
            yield f"{path}.{name}"
        yield from fields_without_description(value, f"{path}.{name}")
    for inner in ("items", "additionalProperties"):
        if inner in schema:
            yield from fields_without_description(schema[inner], f"{path}[]")


@pytest.mark.parametrize("path", sorted(DIRECTORY.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_field_says_what_it_is(path):
    document = yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader)
    schema = document["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    known_to_the_server = {".metadata", ".metadata.name"}
    assert set(fields_without_description(schema)) == known_to_the_server
