"""Defaults that follow from other fields of the pod template."""

import copy

import pytest

from resources.instance.dependent_defaults import completed

HTTP = {"httpGet": {"path": "/healthz", "port": 8765}}
EXEC = {"exec": {"command": ["true"]}}
DIGEST = "sha256:" + "0123456789abcdef" * 4


def container(**fields):
    """The container after completion, without the fields that it was given."""
    template = {"spec": {"containers": [{"name": "falco", **fields}]}}
    before = copy.deepcopy(template)
    [result] = completed(template)["spec"]["containers"]
    assert template == before
    assert result.pop("name") == "falco"
    return {name: value for name, value in result.items() if fields.get(name) != value}


@pytest.mark.parametrize("handler", [HTTP, EXEC])
def test_a_startup_probe_without_a_handler_has_that_of_the_liveness_probe(handler):
    probes = {"startupProbe": {"failureThreshold": 60}, "livenessProbe": {**handler, "a": 1}}
    assert container(**probes)["startupProbe"] == {**handler, "failureThreshold": 60}


@pytest.mark.parametrize(
    "probes",
    [
        {"startupProbe": {**EXEC, "failureThreshold": 60}, "livenessProbe": HTTP},
        {"startupProbe": {"failureThreshold": 60}},
        {"livenessProbe": HTTP},
    ],
)
def test_another_startup_probe_stays_as_it_is(probes):
    assert "startupProbe" not in container(**probes)


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("falco:0.44.1", "IfNotPresent"),
        (f"falco@{DIGEST}", "IfNotPresent"),
        (f"falco:0.44.1@{DIGEST}", "IfNotPresent"),
        ("host:5000/falco:0.44.1", "IfNotPresent"),
        ("falco:latest", "Always"),
        (f"falco:latest@{DIGEST}", "Always"),
        ("falco", "Always"),
        ("host:5000/falco", "Always"),
    ],
)
def test_the_pull_policy_is_that_of_the_image(image, policy):
    assert container(image=image) == {"imagePullPolicy": policy}
    [volume] = volumes({"name": "x", "image": {"reference": image}})
    assert volume == {"name": "x", "image": {"reference": image, "pullPolicy": policy}}


def test_a_pull_policy_that_is_given_stays():
    assert container(image="falco", imagePullPolicy="Never") == {}
    given = {"name": "x", "image": {"reference": "falco", "pullPolicy": "Never"}}
    assert volumes(given) == [given]


def test_a_container_without_an_image_has_no_pull_policy():
    assert container() == {}


def test_a_volume_without_a_source_is_an_empty_directory():
    given = [{"name": "x", "hostPath": {"path": "/"}}, {"name": "y"}]
    assert volumes(*given) == [given[0], {"name": "y", "emptyDir": {}}]


def volumes(*given):
    return completed({"spec": {"volumes": list(given)}})["spec"]["volumes"]
