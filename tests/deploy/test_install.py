"""What is installed is generated, and a real API server takes it, with helm and without."""

from __future__ import annotations

import json
from itertools import product
from uuid import uuid4

import pytest
import yaml

import crds.generate
from actors.leader.election import LEASE
from deploy.generate import CHART, INSTALL, OPERATOR, ROOT, HelmError, files, helm, stale, write
from deploy.local import ControlPlane
from deploy.local.target import ALL_BUT_OPERATOR
from resources.operator_role import lease_rules, operator_rules
from supervisors.process.settings import VERSION
from tests.api import manifest
from tests.deploy.charts import at, rendered
from tests.eventually import eventually

APPLY = ("apply", "--server-side", "--dry-run=server", "--output=name")
CRDS = {f"crds/{path.name}" for path in (ROOT / "crds").glob("*.yaml")}
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """An API server of our own, where nothing is installed yet."""
    directory = tmp_path_factory.mktemp("alone")
    with ControlPlane(directory, nodes=0, controllers=False, audit=False) as started:
        yield started


@pytest.fixture
def restricted(api):
    """A namespace that takes restricted pods only."""
    name = f"test-{uuid4().hex[:8]}"
    modes = ("enforce", "warn")
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in modes}
    api.create(manifest("Namespace", "", name, metadata={"labels": labels}))
    yield name
    api.delete("Namespace", "", name)


def documents():
    """What is in deploy/install.yaml."""
    return [*yaml.load_all((ROOT / INSTALL).read_text(), Loader=yaml.CSafeLoader)]


def rights(rules):
    """Every single right that the rules give."""
    return {
        right
        for rule in rules
        for right in product(
            rule["apiGroups"], rule["resources"], rule["verbs"], rule.get("resourceNames", [""])
        )
    }


def held(cluster, account, namespace):
    """Every right that a ServiceAccount has there, by what the API server says."""
    who = f"system:serviceaccount:{OPERATOR}:{account}"
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    answer = cluster.client.request("POST", REVIEWS, body, **{"Impersonate-User": who})
    return rights(json.loads(answer.body)["status"]["resourceRules"])


def test_generating_again_changes_nothing(control_plane):
    wanted = files(crds.generate.files(lambda path: control_plane.client.call("GET", path)))
    assert stale(wanted) == []


def test_what_is_changed_missing_or_too_much_is_stale_until_it_is_written(tmp_path):
    wanted = {"crds/a.yaml": "a", "crds/b.yaml": "b", INSTALL: "c"}
    before = {"crds/a.yaml": "old", INSTALL: "c", "crds/d.yaml": "d"}
    write(before, before, tmp_path)
    assert stale(wanted, tmp_path) == ["crds/a.yaml", "crds/b.yaml", "crds/d.yaml"]
    write(wanted, stale(wanted, tmp_path), tmp_path)
    assert stale(wanted, tmp_path) == []
    assert not (tmp_path / "crds/d.yaml").exists()


def test_the_api_server_takes_all_of_it(cluster):
    applied = cluster.kubectl(*APPLY, f"--filename={INSTALL}").stdout.split()
    assert len(applied) == len(documents()) == len(CRDS) + 10
    assert "deployment.apps/falco-operator" in applied


def test_all_but_the_operator_can_be_installed_alone(cluster):
    applied = cluster.apply(INSTALL, selector=ALL_BUT_OPERATOR)
    assert {name.partition("/")[0].partition(".")[0] for name in applied} == {
        "namespace",
        "serviceaccount",
        "role",
        "rolebinding",
        "clusterrole",
        "clusterrolebinding",
        "validatingadmissionpolicy",
        "validatingadmissionpolicybinding",
        "customresourcedefinition",
    }


def test_the_operator_has_exactly_the_rights_that_its_code_needs(cluster):
    anybody = held(cluster, "nobody", "default")
    assert anybody
    assert held(cluster, OPERATOR, "default") - anybody == rights(operator_rules())
    here = rights([*operator_rules(), *lease_rules(LEASE)])
    assert held(cluster, OPERATOR, OPERATOR) - anybody == here


def test_the_operators_pods_are_let_in_where_only_restricted_ones_are(cluster, restricted):
    parts = rendered({"replicas": 2}, restricted)
    text = json.dumps(parts["ServiceAccount"])
    cluster.kubectl("apply", "--filename=-", input=text)
    strict = ("--warnings-as-errors", "--filename=-")
    cluster.kubectl(*APPLY, *strict, input=json.dumps(parts["Deployment"]))
    template = parts["Deployment"]["spec"]["template"]
    pod = manifest("Pod", restricted, "operator", spec=template["spec"])
    cluster.kubectl(*APPLY, *strict, input=json.dumps(pod))
    del pod["spec"]["securityContext"]
    refused = cluster.kubectl(*APPLY, *strict, input=json.dumps(pod), check=False)
    assert 'violates PodSecurity "restricted:latest"' in refused.stderr


def test_a_node_can_be_drained_of_the_operator_without_a_flag(cluster, restricted):
    parts = rendered({"replicas": 1}, restricted)
    for part in ("ServiceAccount", "Deployment"):
        cluster.kubectl("apply", "--filename=-", input=json.dumps(parts[part]))

    def node():
        columns = "--output=jsonpath={.items[*].spec.nodeName}"
        return cluster.kubectl("get", "pods", f"--namespace={restricted}", columns).stdout

    name = f"app.kubernetes.io/name={OPERATOR}"
    here = (eventually(node), f"--pod-selector={name}", "--dry-run=server")
    assert f"evicting pod {restricted}/{OPERATOR}" in cluster.kubectl("drain", *here).stdout


def test_the_image_is_to_be_set_in_two_places():
    image = f'"{OPERATOR}:{VERSION}"'
    found = [
        line.split(None, 1)
        for line in (ROOT / INSTALL).read_text().splitlines()
        if f"{OPERATOR}:" in line
    ]
    assert found == [["image:", image], ["value:", image]]


def test_no_part_is_labelled_as_a_child_of_the_operator():
    assert {
        at(document, "metadata/labels/app.kubernetes.io~1managed-by") for document in documents()
    } == {None}


def test_helm_installs_upgrades_and_removes_it_and_refuses_a_second_one(alone):
    access = (f"--kubeconfig={alone.kubeconfig}", f"--namespace={OPERATOR}")
    notes = helm("install", OPERATOR, ROOT / CHART, *access, "--create-namespace")
    assert f"kubectl -n {OPERATOR} rollout status deployment/{OPERATOR}" in notes
    installed = alone.kubectl("get", "crds", "--output=name").stdout.split()
    assert len(installed) == len(CRDS)
    with pytest.raises(HelmError, match="cannot be imported into the current release"):
        helm("install", "second", ROOT / CHART, access[0], "--namespace=default")
    for enabled, strategy in (("false", "Recreate"), ("true", "RollingUpdate")):
        value = f"--set=leaderElection.enabled={enabled}"
        helm("upgrade", OPERATOR, ROOT / CHART, *access, value)
        deployment = alone.kubectl("get", "deployment", "-n", OPERATOR, "-o", "json").stdout
        assert at(json.loads(deployment), "items/0/spec/strategy/type") == strategy
    helm("uninstall", OPERATOR, *access)
    assert alone.kubectl("get", "crds", "--output=name").stdout.split() == installed
    assert not alone.kubectl("get", "deployment,role,sa", "-n", OPERATOR, "-o", "name").stdout
