"""Falco judges in a real sidecar: a real one where FALCO_ROOT names it, and one that is played."""

import os

import pytest

from deploy.local import Registry
from deploy.local.node.images import PLATFORM
from deploy.local.publisher import Repository, publish_plugin
from deploy.local.samples import library
from tests.e2e.fleet import from_registry
from tests.e2e.one_node import one_node
from tests.eventually import eventually
from tests.played_dry_run import write_played_falco
from tests.sidecar.check.test_dry_run import ABORT, CRASH, FIELD, LEVEL, PLAIN, TAKEN, UNUSED

FINE = {**PLAIN, "rule": "Fine"}
QUICK = "--quiet-time=0.5s"


@pytest.fixture(
    scope="module", params=["played", pytest.param("real", marks=pytest.mark.real_falco)]
)
def link(request, tmp_path_factory):
    """A link to a directory laid out as Falco's image."""
    place = tmp_path_factory.mktemp("image") / "falco"
    if request.param == "played":
        place.symlink_to(write_played_falco(place.with_name("played")))
        return place
    if "FALCO_ROOT" not in os.environ:
        pytest.skip("FALCO_ROOT names no directory with a real Falco (README.md)")
    place.symlink_to(os.environ["FALCO_ROOT"])
    return place


@pytest.fixture(scope="module")
def shared(cluster, api, link, tmp_path_factory):
    flags = (f"--falco-image={link}", QUICK)
    with one_node(cluster, api, tmp_path_factory.mktemp("exact"), flags) as made:
        yield made


@pytest.fixture
def fleet(shared):
    """The only node, with one Rulesfile that stays, which Falco has taken."""
    shared.apply("Rulesfile", "fine", inlineRules=[FINE])
    shared.programmed("Rulesfile", "fine")
    eventually(lambda: shared.judge == "Falco")
    yield shared
    assert list(shared.node.rules()) == ["50-03-fine-inline.yaml"]
    shared.clear()


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    with Registry(tmp_path_factory.mktemp("registry")) as started:
        yield started


def refused(fleet, kind, name):
    message = fleet.said(kind, name, "False", "InvalidContent")
    assert fleet.condition("Rulesfile", "fine")[0] == "True"
    return message


def count(fleet, name, *labels):
    return fleet.node.samples()[f"falco_artifacts_{name}"].get(labels, 0)


def test_a_candidate_that_falco_refuses_is_named_and_stays_away(fleet):
    fleet.apply("Rulesfile", "bad", inlineRules=[FIELD])
    message = refused(fleet, "Rulesfile", "bad")
    assert 'rule "One" (line ' in message
    assert "Falco refuses it: LOAD_ERR_COMPILE_CONDITION: filter_check called with" in message
    fleet.discard("Rulesfile", "bad")


def test_of_many_configurations_the_one_at_fault_is_found_by_halving(fleet):
    for number in range(6):
        fleet.apply("Config", f"fine-{number}", config={"json_output": True}, priority=number)
    fleet.apply("Config", "bad", config=LEVEL, priority=3)
    assert "Falco refuses it: Unknown log level WARN" in refused(fleet, "Config", "bad")
    for number in range(6):
        fleet.programmed("Config", f"fine-{number}")
    for name in ("bad", *(f"fine-{number}" for number in range(6))):
        fleet.discard("Config", name)


@pytest.mark.parametrize(
    ("kind", "spec", "signal"),
    [
        ("Rulesfile", {"inlineRules": CRASH}, "SIGSEGV"),
        ("Config", {"config": ABORT}, "SIGABRT"),
    ],
)
def test_what_falco_crashes_of_is_refused(fleet, kind, spec, signal):
    fleet.apply(kind, "bad", **spec)
    assert f"Falco crashes of it ({signal})" in refused(fleet, kind, "bad")
    fleet.discard(kind, "bad")


def test_a_plugin_that_falco_refuses_takes_only_what_needs_it_along(fleet, registry):
    libraries = {PLATFORM: library(PLATFORM) + b"played-library"}
    publish_plugin(
        Repository(registry.url), "falco/plugin", ["latest"], libraries, {"name": "none"}
    )
    fleet.apply("Plugin", "none", **from_registry(registry, repository="falco/plugin"))
    needs = [{"required_plugin_versions": [{"name": "none", "version": "0.1.0"}]}, FIELD]
    fleet.apply("Rulesfile", "needs", inlineRules=needs)
    message = refused(fleet, "Plugin", "none")
    assert "Falco refuses it: cannot load plugin /usr/share/falco/plugins/none.so: " in message
    refused(fleet, "Rulesfile", "needs")
    fleet.discard("Rulesfile", "needs")
    fleet.discard("Plugin", "none")


def test_what_falco_takes_is_installed_and_told_with_what_it_warns_of(fleet):
    fleet.apply("Rulesfile", "odd", inlineRules=[*TAKEN, *UNUSED])
    _, message = fleet.programmed("Rulesfile", "odd")
    assert 'list "played-unused" (line ' in message
    assert "Falco warns: LOAD_UNUSED_LIST: List not referred to" in message
    fleet.discard("Rulesfile", "odd")


def restart(fleet):
    fleet.node.kill()
    fleet.node.launch()
    fleet.node.wait_ready()


def test_a_sidecar_that_restarts_runs_no_falco_for_what_it_knows(fleet):
    fleet.apply("Rulesfile", "bad", inlineRules=[FIELD])
    before = refused(fleet, "Rulesfile", "bad")
    restart(fleet)
    eventually(lambda: count(fleet, "check_by_falco") == 1)
    assert count(fleet, "dry_runs_total") == 0
    assert refused(fleet, "Rulesfile", "bad") == before
    fleet.discard("Rulesfile", "bad")


def test_a_program_that_does_not_run_here_is_tried_again_after_a_restart(fleet, link, tmp_path):
    runs = link.readlink()
    broken = write_played_falco(tmp_path / "broken", "#!/bin/sh\nkill -9 $$\n")
    for image, judge, by_falco in (
        (broken, "own check only: Falco does not", 0),
        (runs, "Falco", 1),
    ):
        link.unlink()
        link.symlink_to(image)
        restart(fleet)
        fleet.apply("Rulesfile", "more", inlineRules=[{**PLAIN, "rule": f"More {by_falco}"}])
        fleet.programmed("Rulesfile", "more")
        eventually(lambda judge=judge: fleet.judge.startswith(judge))
        assert count(fleet, "check_by_falco") == by_falco
    fleet.discard("Rulesfile", "more")
