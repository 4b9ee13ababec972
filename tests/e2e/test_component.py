"""A Component on a real control plane: what becomes of it, and of its children."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from crds.generate import DIRECTORY, OPENAPI_PATH
from tests.e2e.falcos import (
    Falcos,
    cluster_leftovers,
    condition,
    leftovers,
    uid,
    writes_of_a_creation,
)
from tests.eventually import eventually
from tests.resources.fourth_type import installed

ALIKE = {"ServiceAccount", "Service", "Deployment"}
CHILDREN = {
    "metacollector": ALIKE | {"ClusterRole", "ClusterRoleBinding"},
    "falcosidekick": ALIKE | {"Role", "RoleBinding"},
    "falcosidekick-ui": ALIKE,
}
# As in the examples: version and number of pods.
EXAMPLES = {
    "metacollector": ("0.1.2", 1),
    "falcosidekick": ("2.32.0", 3),
    "falcosidekick-ui": ("2.2.0", 2),
}
TYPES = pytest.mark.parametrize("type_", CHILDREN)


class Components(Falcos):
    """The same of Components."""

    kind = "Component"

    def create(self, name="falco", labels=None, type_="metacollector", **spec):
        return super().create(name, labels, **{"component": {"type": type_}, **spec})


@pytest.fixture
def components(api, namespace):
    """The Components of the test's namespace."""
    return Components(api, namespace)


@pytest.fixture
def apply_example(cluster, namespace):
    """Applies the example of a type in the test's namespace."""

    def apply(type_):
        document = Path(f"examples/component-{type_}.yaml").read_text()
        document = document.replace("namespace: default", f"namespace: {namespace}")
        cluster.kubectl("apply", "--server-side", "-f", "-", input=document)

    return apply


@TYPES
def test_each_example_becomes_available_and_applying_it_again_writes_nothing(
    cluster, audit, namespace, components, apply_example, type_
):
    version, replicas = EXAMPLES[type_]
    apply_example(type_)
    component = components.becomes(type_, Reconciled="True", Available="True")
    assert component["status"] | {"conditions": []} == {
        "resourceType": "Deployment",
        "version": version,
        "desiredReplicas": replicas,
        "availableReplicas": replicas,
        "unavailableReplicas": 0,
        "observedGeneration": 1,
        "conditions": [],
    }
    assert set(components.children(type_)) == CHILDREN[type_]
    assert len(components.pods(type_)) == replicas
    columns = cluster.kubectl("get", "components", "-n", namespace, "--no-headers").stdout.split()
    counts = [str(replicas)] * 2
    assert columns[:-1] == [type_, type_, "Deployment", version, *counts, "True", "True"]
    mark = audit.quiet()
    apply_example(type_)
    components.create(
        "sentinel", type_="falcosidekick-ui"
    )  # what comes after it has been seen, too
    components.becomes("sentinel", Reconciled="True")
    assert [r for r in audit.since(mark).unwatched.writes if r.name != "sentinel"] == []


@TYPES
def test_a_creation_costs_nine_writes_two_events_and_no_read(audit, components, type_):
    writes = writes_of_a_creation(audit, components, type_=type_)
    assert len(writes) == len(CHILDREN[type_]) + 2 <= 9
    reasons = [event["reason"] for event in components.events()]
    assert reasons == ["SubResourceCreated", "ResourceCreated"]


def test_children_say_whose_they_are_and_the_component_has_its_finalizer(namespace, components):
    components.create(type_="metacollector")
    component = components.becomes(Reconciled="True")
    for kind, child in components.children().items():
        meta = child["metadata"]
        assert meta["labels"]["app.kubernetes.io/managed-by"] == "falco-operator"
        if kind.startswith("Cluster"):
            assert meta["name"] == f"falco--{namespace}"
            owner = "instance.falcosecurity.dev/owner"
            assert meta["annotations"][owner] == f"Component/{namespace}/falco"
        else:
            [reference] = meta["ownerReferences"]
            assert (reference["kind"], reference["uid"]) == ("Component", uid(component))
        managers = {entry["manager"] for entry in meta["managedFields"]}
        assert "component-controller" in managers
    assert component["metadata"]["finalizers"] == ["component.instance.falcosecurity.dev/finalizer"]


def test_a_restart_writes_nothing(audit, namespace, operator, components):
    for type_ in CHILDREN:
        components.create(type_, type_=type_)
    for type_ in CHILDREN:
        components.becomes(type_, Reconciled="True", Available="True")
    audit.quiet()
    operator.stop()
    mark = audit.mark()
    operator.start()
    for type_ in CHILDREN:
        path = f"/debug/actors/Component/{namespace}/{type_}"
        eventually(lambda path=path: operator.answer("Debug", path)[0] == 200)
        eventually(
            lambda path=path: json.loads(operator.answer("Debug", path)[1])["actor"]["trace"]
        )
    assert not audit.since(mark).writes


def test_another_version_is_rolled_out_and_shown(components):
    components.create(component={"type": "falcosidekick", "version": "2.31.0"})
    before = components.becomes(Reconciled="True", Available="True")
    assert before["status"]["version"] == "2.31.0"
    components.change(component={"version": "2.31.1"})
    eventually(lambda: components.get()["status"]["version"] == "2.31.1")
    components.becomes(Reconciled="True", Available="True")


def test_a_change_of_type_prunes_what_the_new_one_does_not_have(components):
    components.create(type_="metacollector")
    components.becomes(Reconciled="True", Available="True")
    deployment = uid(components.child("Deployment"))
    for type_ in ("falcosidekick", "falcosidekick-ui", "metacollector"):
        components.change(component={"type": type_})
        components.becomes(Reconciled="True", Available="True")
        assert set(components.children()) == CHILDREN[type_]
        version = EXAMPLES[type_][0]
        eventually(lambda version=version: components.get()["status"]["version"] == version)
        assert uid(components.child("Deployment")) == deployment

    def pruned():
        notes = components.notes("DualDeploymentCleanup")
        return [
            {word for word in note.split() if word.startswith(("Role", "Cluster"))}
            for note in notes
        ]

    expected = [{"ClusterRoleBinding", "ClusterRole"}, {"RoleBinding", "Role"}]
    eventually(lambda: pruned() == expected)


def test_the_number_of_pods_is_ours(cluster, namespace, components):
    components.create(type_="falcosidekick")
    components.becomes(Reconciled="True", Available="True")
    cluster.kubectl("scale", "deployment", "falco", "--replicas=5", "-n", namespace)
    eventually(lambda: components.child("Deployment")["spec"]["replicas"] == 2)
    assert components.child("Deployment")["metadata"]["generation"] == 3


@TYPES
def test_a_deletion_leaves_nothing(api, namespace, components, type_):
    components.create(type_=type_)
    components.becomes(Reconciled="True", Available="True")
    components.delete()
    eventually(lambda: components.get() is None)
    assert cluster_leftovers(api, namespace) == []
    eventually(lambda: leftovers(api, namespace) == [], within=90)
    eventually(lambda: not components.pods())


@pytest.mark.parametrize("first", ["Falco", "Component"])
def test_of_a_falco_and_a_component_of_one_name_the_first_keeps_it(falcos, components, first):
    holder, other = (falcos, components) if first == "Falco" else (components, falcos)
    holder.create()
    holder.becomes(Reconciled="True", Available="True")
    held = {kind: uid(child) for kind, child in holder.children().items()}
    other.create()
    said = condition(other.becomes(Reconciled="False"), "Reconciled")
    assert said["reason"] == "NameConflict"
    for kind in ("ServiceAccount/", "Service/", "ClusterRole/"):
        assert kind in said["message"]
    other.delete()
    eventually(lambda: other.get() is None)
    after = {kind: uid(child) for kind, child in holder.children().items()}
    assert held.items() <= after.items()
    holder.becomes(Reconciled="True", Available="True")


CRD = "components.instance.falcosecurity.dev.yaml"
PRINT_CRD = """
import json, sys
from crds.generate import files

document = json.load(sys.stdin)
sys.stdout.write(files(lambda path: document)[{crd!r}])
"""
RUN = """
from supervisors.operator import main

main()
"""


@pytest.fixture
def fourth_type(cluster, operator, monkeypatch, tmp_path):
    """For the length of a test there is a fourth type, in the CRD and for the operator."""
    (tmp_path / "types").mkdir()
    begin = installed(tmp_path / "types")
    crd = subprocess.run(
        [sys.executable, "-c", begin + PRINT_CRD.format(crd=CRD)],
        input=json.dumps(cluster.client.call("GET", OPENAPI_PATH)),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    (tmp_path / CRD).write_text(crd.stdout)
    program = tmp_path / "operator-with-a-fourth-type"
    program.write_text(f"#!{sys.executable}\n{begin}{RUN}")
    program.chmod(0o755)
    monkeypatch.setattr(operator, "command", program)
    cluster.apply_crds([tmp_path / CRD])
    operator.stop()
    operator.start()
    yield "fourth"
    cluster.apply_crds([DIRECTORY / CRD])


def test_a_fourth_type_is_a_file(components, fourth_type):
    components.create(type_=fourth_type)
    component = components.becomes(Reconciled="True", Available="True")
    assert component["status"]["version"] == "4.0"
    assert component["status"]["availableReplicas"] == 4
    assert set(components.children()) == ALIKE | {"Role", "RoleBinding"}
    components.change(component={"type": "metacollector"})
    components.becomes(Reconciled="True", Available="True")
    assert set(components.children()) == CHILDREN["metacollector"]
