"""Falcos of both types start, run what they should, and survive what happens to a node."""

import json
import os
from datetime import datetime
from itertools import cycle

import pytest

from deploy.local.node.images import FALCO_VARIABLE
from resources.falco.exact_check import VOLUME as PROGRAM
from tests.eventually import eventually
from tests.node.kube import (
    FALCO,
    OPERATOR,
    OPERATOR_NAMESPACE,
    SIDECAR,
    TOKEN,
    container_id,
    container_status,
    restarts,
    started_at,
)

pytestmark = [pytest.mark.node, pytest.mark.usefixtures("falcos")]

# What the default readiness probe takes at most, and five seconds.
AVAILABLE_WITHIN = 30 + 15 + 5
NO_CAPABILITIES = "0" * 16
RULE = {
    "rule": "Anything is opened",
    "desc": "Anything is opened",
    "condition": "evt.type = open",
    "output": "Anything was opened",
    "priority": "NOTICE",
}
RULES = "/etc/falco/rules.d"
MINE = "50-03-mine-inline.yaml"
CONFINED = f"""
import ctypes, json, socket
from pathlib import Path
from sidecar.check.confinement import confinement

def tried(call):
    try:
        call()
    except OSError as error:
        return error.strerror
    return "done"

libc = ctypes.CDLL(None, use_errno=True)
version = libc.syscall(444, None, 0, 1)
unshared = libc.unshare(0x10000000)
places = ("/usr", "/lib", "/lib64", "/etc", "/opt", "/proc")
confinement(map(Path, places)).apply()
found = {{"landlock": version, "namespace": unshared, "socket": tried(socket.socket)}}
print(json.dumps(found | {{"token": tried(Path("/{TOKEN}").read_bytes)}}))
"""


@pytest.fixture(scope="module")
def falcos(namespace, figures):
    """One Falco of each type with its defaults, Available."""
    namespace.apply("Rulesfile", "mine", inlineRules=[RULE])
    namespace.apply("Falco", "on-node")
    namespace.apply("Falco", "plugins-only", type="Deployment")
    names = ("on-node", "plugins-only")
    with figures.took("apply of a DaemonSet and a Deployment, until both are Available"):
        return {name: namespace.available(name, within=120) for name in names}


def test_falcos_of_both_types_are_available_as_soon_as_their_probes_let_them(
    namespace, falcos, figures
):
    for name, pod in falcos.items():
        began = datetime.fromisoformat(started_at(pod, FALCO))
        took = (namespace.since("Falco", name, "Available") - began).total_seconds()
        figures.append(f"start of Falco in {name}, until the status says Available: {took:.0f} s")
        assert took <= AVAILABLE_WITHIN, name


def test_operator_and_sidecar_run_without_any_privilege(installed, namespace):
    sidecar = namespace.pod("on-node")
    for pod, container in ((installed.of_operator(), OPERATOR), (sidecar, SIDECAR)):
        status = installed.status_of_process(pod, container)
        assert status["Uid"].split() == ["65532"] * 4
        assert status["Gid"].split() == ["65532"] * 4
        assert (status["CapEff"], status["CapBnd"]) == (NO_CAPABILITIES, NO_CAPABILITIES)
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
        script = "touch /written /opt/written 2>/dev/null; ls /written /opt/written 2>/dev/null"
        assert installed.execute(pod, container, "sh", "-c", f"{script} || true") == ""


def test_the_sidecar_asks_the_falco_of_its_pod_which_gets_neither_network_nor_token(
    installed, namespace, figures
):
    """The stand-in is a script, which does not run in the sidecar: the pod starts all the same."""
    pod = namespace.pod("on-node")
    judge = "Falco" if os.environ.get(FALCO_VARIABLE) else "own check only: Falco does not run here"

    def is_told():
        told = namespace.judge("on-node")
        assert told.startswith(judge), told
        return told

    eventually(is_told, within=60)
    copied = container_status(pod, PROGRAM)["state"]["terminated"]
    assert copied["exitCode"] == 0
    began, ended, following = map(
        datetime.fromisoformat,
        (copied["startedAt"], copied["finishedAt"], started_at(pod, SIDECAR)),
    )
    figures.append(
        f"copy of Falco's program: {ended - began}, until the sidecar starts: {following - began}"
    )
    sizes = installed.execute(pod, SIDECAR, "du", "-sm", "/opt/falco-image").split()
    figures.append(f"what is copied of Falco's image: {sizes[0]} MiB")
    found = json.loads(installed.execute(pod, SIDECAR, "python", "-c", CONFINED))
    figures.append(f"a process that has confined itself in a sidecar: {found}")
    assert found["socket"] == "Address family not supported by protocol"
    assert found["token"] == ("Permission denied" if found["landlock"] > 0 else "done")


def test_files_have_the_modes_with_which_any_user_can_read_them(installed, namespace):
    pod = namespace.pod("on-node")
    listed = installed.execute(pod, FALCO, "stat", "-c", "%a %n", f"{RULES}/{MINE}").split()
    assert listed == ["644", f"{RULES}/{MINE}"]
    assert MINE in namespace.rules("on-node")


def test_what_is_edited_or_deleted_is_reloaded_by_the_falco_that_runs(namespace, figures):
    before, pod = namespace.rules("on-node")[MINE], namespace.pod("on-node")
    with figures.took("edit, until Falco has loaded it"):
        namespace.apply("Rulesfile", "mine", inlineRules=[RULE | {"priority": "WARNING"}])
        eventually(lambda: namespace.rules("on-node").get(MINE, before) != before, within=60)
    namespace.apply("Rulesfile", "more", inlineRules=[RULE | {"rule": "More"}], priority=70)
    eventually(lambda: "70-03-more-inline.yaml" in namespace.rules("on-node"), within=60)
    namespace.delete("Rulesfile", "more")
    eventually(lambda: set(namespace.rules("on-node")) == {MINE}, within=60)
    assert restarts(namespace.pod("on-node"), FALCO) == restarts(pod, FALCO) == 0


def test_a_sidecar_that_is_killed_comes_back_to_its_files_and_falco_goes_on(
    installed, namespace, figures
):
    pod = namespace.pod("on-node")
    with figures.took("kill of a sidecar, until Falco has loaded an edit"):
        installed.kill(pod, SIDECAR)
        eventually(lambda: restarts(namespace.pod("on-node"), SIDECAR) == 1, within=60)
        assert set(namespace.rules("on-node")) == {MINE}
        before = namespace.rules("on-node")[MINE]
        namespace.apply("Rulesfile", "mine", inlineRules=[RULE | {"priority": "ERROR"}])
        eventually(lambda: namespace.rules("on-node").get(MINE, before) != before, within=60)
    assert container_id(namespace.pod("on-node"), FALCO) == container_id(pod, FALCO)


def test_an_operator_that_is_killed_leaves_falco_alone_and_goes_on(installed, namespace, figures):
    pod, operator = namespace.pod("on-node"), installed.of_operator()
    with figures.took("kill of the operator, until a new Rulesfile is Programmed"):
        installed.kill(operator, OPERATOR)
        eventually(lambda: restarts(installed.of_operator(), OPERATOR) == 1, within=60)
        namespace.apply("Rulesfile", "late", inlineRules=[RULE | {"rule": "Late"}])
        namespace.programmed("Rulesfile", "late")
    namespace.delete("Rulesfile", "late")
    assert container_id(namespace.pod("on-node"), FALCO) == container_id(pod, FALCO)


def test_a_kubelet_that_is_killed_finds_everything_as_it_was(installed, namespace, figures):
    pod = namespace.pod("on-node")
    with figures.took("kill of the kubelet, until the node is Ready"):
        installed.node.kubelet.kill()
        installed.node.kubelet.launch()
        installed.node.wait_until_ready()
    namespace.apply("Rulesfile", "late", inlineRules=[RULE | {"rule": "Late"}])
    namespace.programmed("Rulesfile", "late")
    namespace.delete("Rulesfile", "late")
    after = namespace.pod("on-node")
    assert container_id(after, FALCO) == container_id(pod, FALCO)
    assert (restarts(after, FALCO), restarts(after, SIDECAR)) == (0, restarts(pod, SIDECAR))


def test_tokens_that_the_kubelet_renews_are_used(installed, namespace):
    """A kubelet that starts asks for new tokens, as any does before the hour is over."""
    users = ((namespace.pod("on-node"), SIDECAR), (installed.of_operator(), OPERATOR))
    before = {installed.token(*user) for user in users}
    installed.node.kubelet.kill()
    installed.node.kubelet.launch()
    installed.node.wait_until_ready()
    eventually(lambda: not before & {installed.token(*user) for user in users}, within=120)
    after = {installed.token(*user) for user in users}
    priorities = cycle(("INFO", "DEBUG"))

    def are_used():
        namespace.apply("Rulesfile", "mine", inlineRules=[RULE | {"priority": next(priorities)}])
        namespace.programmed("Rulesfile", "mine")
        return after <= installed.used_tokens()

    eventually(are_used, within=120)


def test_a_pod_that_is_deleted_is_replaced_by_one_with_the_same_files(namespace, figures):
    gone = namespace.pod("on-node")["metadata"]
    with figures.took("deletion of a pod, until the next is Available"):
        namespace.delete("Pod", gone["name"])
        eventually(lambda: namespace.pod("on-node")["metadata"]["uid"] != gone["uid"], within=60)
        namespace.available("on-node")
    assert set(namespace.rules("on-node")) == {MINE}
    namespace.programmed("Rulesfile", "mine")


def test_a_node_that_boots_runs_everything_again(installed, namespace, falcos, figures):
    with figures.took("power cut, until both Falcos are Available"):
        installed.node.reboot()
        ready = lambda: restarts(installed.of_operator(), OPERATOR) == 2  # noqa: E731
        eventually(ready, within=90)
        for name in falcos:
            namespace.available(name, within=120)
    assert set(namespace.rules("on-node")) == {MINE}
    namespace.apply("Rulesfile", "mine", inlineRules=[RULE | {"priority": "ALERT"}])
    namespace.programmed("Rulesfile", "mine")


def test_a_user_sees_no_warning_of_ours(installed, namespace):
    ours = ("Falco", "Rulesfile")
    assert [event for event in namespace.events("Warning") if event[0] in ours] == []
    assert any(event[1] == "InlineArtifactStored" for event in namespace.events())
    listed = installed.run("get", "events", f"--namespace={namespace.name}")
    assert "Created DaemonSet on-node" in listed
    assert "Inline rules installed on" in listed
    operator = installed.run("get", "events", f"--namespace={OPERATOR_NAMESPACE}")
    assert "Started" in operator
