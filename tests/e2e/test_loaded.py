"""Loaded: what Falco runs, by its own word, as a user sees it."""

from itertools import takewhile
from pathlib import Path
from threading import Event

import pytest

from tests.e2e.costs import of_pods, rule
from tests.eventually import eventually
from tests.running_falco import RunningFalco
from tests.sidecar_process import SidecarProcess

IDLE_SECONDS = 10


@pytest.fixture
def falco(fleet):
    """A Falco with one pod, whose container is played beside the real sidecar."""
    (planned,) = fleet.falco(type="Deployment", replicas=1).sidecars
    pod = fleet.api.get("Pod", fleet.namespace, planned.pod)
    played = RunningFalco(planned.root)
    sidecar = SidecarProcess(
        planned.kubeconfig, planned.directory, pod, falco=played.port, flags=["--load-deadline=4s"]
    )
    fleet.sidecars[:] = [sidecar]
    fleet.start()
    with played.running():
        yield played
        fleet.stop()


def loaded(fleet, kind, name):
    return fleet.condition(kind, name, "Loaded")


def becomes_loaded(fleet, kind, name, message):
    wanted = ("True", "Loaded", f"Loaded by Falco on 1 pod{message}")
    eventually(lambda: loaded(fleet, kind, name) == wanted)
    assert fleet.status(kind, name)["nodes"]["loaded"] == 1


@pytest.mark.usefixtures("falco")
def test_what_falco_has_loaded_is_said_of_every_kind(fleet):
    fleet.apply("Rulesfile", "rules", inlineRules=[rule("rules", "it happened")])
    fleet.apply("Config", "config", config={"outputs_queue": {"capacity": 1}})
    fleet.apply("Plugin", "plugin", config={"libraryPath": "/opt/libplugin.so"})
    becomes_loaded(fleet, "Rulesfile", "rules", "")
    proof = "; by the time of Falco's last reload, since Falco does not say which {} it has read"
    becomes_loaded(fleet, "Config", "config", proof.format("configurations"))
    becomes_loaded(fleet, "Plugin", "plugin", proof.format("libraries"))


def documented(start):
    """The command in the docs that starts so, and the lines of its output."""
    lines = iter(Path("docs/artifacts.md").read_text().splitlines())
    command = next(line for line in lines if line.startswith(f"    {start}"))
    shown = takewhile(lambda line: line.startswith("    ") or not line, lines)
    return command.split()[1:], [line.split() for line in shown if line]


@pytest.mark.usefixtures("falco")
def test_a_user_waits_for_it_and_sees_it_as_the_docs_say(cluster, fleet):
    wait, said = documented("kubectl wait --for=condition=Loaded")
    get, (header, row) = documented("kubectl get rulesfiles")
    here = ("--namespace", fleet.namespace)
    for output in ("it happened", "it happened again"):
        fleet.apply("Rulesfile", "my-rules", inlineRules=[rule("rules", output)])
        assert [cluster.kubectl(*wait, *here).stdout.split()] == said
        assert loaded(fleet, "Rulesfile", "my-rules")[0] == "True", "of this generation"
    becomes_loaded(fleet, "Rulesfile", "my-rules", "")
    names, values = (line.split() for line in cluster.kubectl(*get, *here).stdout.splitlines())
    assert names == header
    assert values[:-2] == row[:-2]
    assert (values[-2], row[-2]) == ("1/1", "3/3")
    assert "/my-rules " in cluster.kubectl("get", "artifacts", *here).stdout


def test_it_is_never_said_before_falco_has_loaded_it(fleet, falco):
    fleet.apply("Rulesfile", "rules", inlineRules=[rule("rules", "it happened")])
    becomes_loaded(fleet, "Rulesfile", "rules", "")
    with falco.held():
        fleet.apply("Rulesfile", "rules", inlineRules=[rule("rules", "again")])
        fleet.programmed("Rulesfile", "rules")
        before = ("Unknown", "Pending", "Falco has not loaded it yet on 1 of 1 pod")
        eventually(lambda: loaded(fleet, "Rulesfile", "rules") == before)
        assert fleet.status("Rulesfile", "rules")["nodes"]["loaded"] == 0
    becomes_loaded(fleet, "Rulesfile", "rules", "")


def test_a_change_that_falco_has_missed_is_brought_to_its_notice(fleet, falco):
    (sidecar,) = fleet.sidecars
    falco.misses = 1
    fleet.apply("Rulesfile", "rules", inlineRules=[rule("rules", "it happened")])
    fleet.programmed("Rulesfile", "rules")
    becomes_loaded(fleet, "Rulesfile", "rules", "")
    (renewals,) = sidecar.samples()["falco_artifacts_renewals_total"].values()
    assert renewals == 1


def test_a_falco_that_is_not_to_be_asked_is_said_to_be_so(fleet):
    fleet.falco(type="Deployment", replicas=1).start()
    fleet.apply("Rulesfile", "rules", inlineRules=[rule("rules", "it happened")])
    said = "Not known of 1 of 1 pod: --falco-web-server=off: Falco is not asked"
    eventually(lambda: loaded(fleet, "Rulesfile", "rules") == ("Unknown", "FalcoNotAsked", said))


def test_what_falco_refuses_is_taken_back_and_tried_again_when_it_changes(fleet, falco):
    (sidecar,) = fleet.sidecars
    fleet.apply("Rulesfile", "rules", inlineRules=[rule("rules", "it happened")])
    becomes_loaded(fleet, "Rulesfile", "rules", "")
    before = sidecar.rules()
    falco.refuses = b"nonsense"
    fleet.apply("Rulesfile", "rules", inlineRules=[rule("rules", "nonsense")])
    why = (
        "Falco refuses to load it, and runs on with what it had loaded before: "
        "what it had loaded last is installed again; Falco's log says why"
    )
    node = sidecar.node
    said = ("False", "InvalidContent", f"Not loaded on 1 of 1 pod: {node}: {why}")
    eventually(lambda: loaded(fleet, "Rulesfile", "rules") == said)
    failed = ("False", "InvalidContent", f"Failed on 1 of 1 pod: {node}: {why}")
    assert fleet.condition("Rulesfile", "rules", "Programmed") == failed
    assert sidecar.rules() == before
    name = "falco_artifacts_check_disagreements_total"
    assert sidecar.samples()[name]["falco_refuses",] == 1
    fleet.apply("Rulesfile", "rules", inlineRules=[rule("rules", "some sense")])
    becomes_loaded(fleet, "Rulesfile", "rules", "")


def test_loading_costs_the_api_server_one_write_more_and_idleness_costs_nothing(
    cluster, fleet, falco
):
    (sidecar,) = fleet.sidecars
    by_pods = of_pods(cluster, fleet)
    fleet.apply("Rulesfile", "rules", inlineRules=[rule("rules", "it happened")])
    becomes_loaded(fleet, "Rulesfile", "rules", "")
    mark = by_pods.quiet()
    fleet.apply("Rulesfile", "rules", inlineRules=[rule("rules", "again")])
    becomes_loaded(fleet, "Rulesfile", "rules", "")
    idle = by_pods.quiet()
    asked = by_pods.between(mark, idle).unwatched
    assert {str(one) for one in asked} == {f"patch nodereports {fleet.namespace}/{sidecar.pod} 200"}
    assert len(asked) <= 2
    before = falco.requests
    Event().wait(IDLE_SECONDS)  # the idleness itself
    assert by_pods.since(idle).unwatched == []
    assert falco.requests == before
