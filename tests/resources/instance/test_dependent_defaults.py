"""Defaults that follow from other fields of the pod template."""

import copy

import pytest

from resources.instance.dependent_defaults import completed

HTTP = {"httpGet": {"path": "/healthz", "port": 8765}}
EXEC = {"exec": {"command": ["true"]}}


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
