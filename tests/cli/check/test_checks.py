"""Each check names a fault that was planted in a sound cluster, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import msgspec
import pytest
import yaml

import crds.generate
from cli.check.catalog import ALL, CHECKS, PRE, checked
from cli.check.crds import DEFINITIONS
from cli.check.facts import Facts, Level, Right
from cli.check.writing import as_items, as_short, as_text, summary
from cli.cluster.kinds import READ
from cli.cluster.operator_settings import settings_of, settings_of_sidecar
from cli.cluster.snapshot import Snapshot, Unread
from deploy.local.nodes import node
from resources.artifact.fields import Validation
from resources.falco.desired import FalcoSettings, desired
from resources.falco.spec import Falco
from resources.kubernetes.meta import micro_time
from resources.registry.credentials import RegistryPolicy
from resources.signatures.demand import DefaultModes
from resources.signatures.policy import Mode
from tests.api import manifest

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
OPERATOR = "falco-operator"


@cache
def installed():
    """What install.yaml makes, as JSON."""
    text = (ROOT / "deploy/install.yaml").read_text()
    return msgspec.json.encode(list(yaml.load_all(text, Loader=yaml.CSafeLoader)))


class Cluster:
    """A sound cluster; a test changes it, and asks for the checks that are not well."""

    def __init__(self):
        self.version = (1, 36)
        self.program = "0.1.0"
        self.missing: tuple = ()
        self.unread = []
        self.lease_later = None
        self.objects: dict[str, list] = {kind: [] for kind in READ}
        for one in msgspec.json.decode(installed()):
            self.objects.setdefault(one["kind"], []).append(one)
        for crd in self.objects["CustomResourceDefinition"]:
            crd["status"] = {"conditions": [{"type": "Established", "status": "True"}]}
        self.deployment["status"] = {"readyReplicas": 1}
        renewed = micro_time(NOW - timedelta(seconds=2))
        spec = {"holderIdentity": "pod_1", "leaseDurationSeconds": 15, "renewTime": renewed}
        self.add(manifest("Lease", OPERATOR, OPERATOR, spec=spec))
        self.add(manifest("Namespace", "", "security", metadata={"labels": {"a": "b"}}))
        self.add({"kind": "Node", **node("node-1", 0, {})})
        self.falco = manifest("Falco", "security", "falco", metadata={"generation": 1}, spec={})
        reconciled = {"type": "Reconciled", "status": "True", "reason": "ResourceUpToDate"}
        reconciled |= {"message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}
        self.falco["status"] = {"observedGeneration": 1, "conditions": [reconciled]}
        self.add(self.falco)
        self.add_children()

    def add(self, one):
        self.objects[one["kind"]].append(one)
        return one

    def the(self, kind, name=OPERATOR):
        [found] = [one for one in self.objects[kind] if one["metadata"]["name"] == name]
        return found

    def remove(self, kind, name=OPERATOR):
        self.objects[kind].remove(self.the(kind, name))

    @property
    def deployment(self):
        return self.the("Deployment")

    @property
    def settings(self):
        return settings_of(self.objects["Deployment"]) or FalcoSettings()

    def add_children(self):
        """What an operator has made of the Falco, and a pod on the node."""
        falco = msgspec.convert(self.falco, Falco)
        for child in desired(falco, self.settings):
            self.add(msgspec.json.decode(msgspec.json.encode(child.body)))
        daemon_set = self.the("DaemonSet", "falco")
        daemon_set["status"] = {"desiredNumberScheduled": 1, "currentNumberScheduled": 1}
        template = daemon_set["spec"]["template"]
        labels = template["metadata"]["labels"]
        pod = manifest("Pod", "security", "falco-x", metadata={"labels": labels})
        self.add(pod | {"spec": msgspec.json.decode(msgspec.json.encode(template["spec"]))})

    def facts(self):
        objects = {kind: found for kind, found in self.objects.items() if kind in READ}
        return Facts(
            snapshot=Snapshot(objects, self.unread),
            version=self.version,
            program=self.program,
            settings=self.settings,
            now=NOW,
            operator_namespace=OPERATOR,
            missing=self.missing,
            lease_later=self.lease_later,
        )

    def ill(self, checks=CHECKS):
        """Code, level and texts of what is not well."""
        return {
            one.check.code: (one.level, "\n".join(problem.text for problem in one.problems))
            for one in checked(self.facts(), checks)
            if one.level is not Level.GOOD
        }


@pytest.fixture
def cluster():
    return Cluster()


def webhook(kind, **fields):
    """A webhook of somebody that is asked about all DaemonSets, of a Service without endpoints."""
    rule = {
        "operations": ["*"],
        "apiGroups": ["apps"],
        "apiVersions": ["v1"],
        "resources": ["daemonsets"],
    }
    client = {"service": {"namespace": "policy", "name": "judge"}, "caBundle": "eA=="}
    one = {"name": "judge.example.org", "rules": [rule], "clientConfig": client, **fields}
    return {"kind": kind, "metadata": {"name": "judge"}, "webhooks": [one]}


def serve_webhook(cluster):
    cluster.add(manifest("Service", "policy", "judge"))
    labels = {"kubernetes.io/service-name": "judge"}
    metadata = {"namespace": "policy", "name": "judge-1", "labels": labels}
    endpoints = [{"conditions": {"ready": True}}]
    cluster.add({"kind": "EndpointSlice", "metadata": metadata, "endpoints": endpoints})


def test_a_sound_cluster_gives_no_finding(cluster):
    assert cluster.ill() == {}
    results = checked(cluster.facts(), CHECKS)
    assert as_short(results) == ""
    assert summary(results) == f"{len(CHECKS)} checks: all is well"
    assert as_text(results).count("√") == len(CHECKS)


FAULTS: dict[str, tuple] = {}


def fault(code, text, level=Level.BAD):
    """Register a fault: what it plants, and which check says what of it."""

    def registered(plant):
        FAULTS[plant.__name__] = (plant, code, text, level)
        return plant

    return registered


@fault("FAL0501", "it is Kubernetes 1.28")
def old_api_server(cluster):
    cluster.version = (1, 28)


@fault("FAL0502", "the kubelet of node-1 is 1.28")
def old_kubelet(cluster):
    cluster.the("Node", "node-1")["status"]["nodeInfo"]["kubeletVersion"] = "v1.28.3"


@fault("FAL0502", "feature gate SidecarContainers is off")
def no_native_sidecars(cluster):
    spec = cluster.the("DaemonSet", "falco")["spec"]["template"]["spec"]
    for one in spec["initContainers"]:
        one.pop("restartPolicy", None)


@fault("FAL0511", "plugins.artifact.falcosecurity.dev is missing")
def missing_crd(cluster):
    cluster.remove("CustomResourceDefinition", "plugins.artifact.falcosecurity.dev")


@fault("FAL0511", "is not served: Established is False: no")
def crd_is_not_established(cluster):
    crd = cluster.the("CustomResourceDefinition", "falcos.instance.falcosecurity.dev")
    condition = {"type": "Established", "status": "False", "message": "no"}
    crd["status"]["conditions"] = [condition]


def properties(cluster, *path):
    name = "rulesfiles.artifact.falcosecurity.dev"
    found = cluster.the("CustomResourceDefinition", name)["spec"]["versions"][0]["schema"]
    found = found["openAPIV3Schema"]["properties"]
    for key in path:
        found = found[key]["properties"]
    return found


@fault("FAL0512", "lacks spec.ociArtifact.verify, spec.validation")
def old_crd(cluster):
    del properties(cluster, "spec")["validation"]
    del properties(cluster, "spec", "ociArtifact")["verify"]


@fault("FAL0512", "has spec.future, which this release does not know", Level.DOUBTFUL)
def newer_crd(cluster):
    properties(cluster, "spec")["future"] = {"type": "string"}


@fault("FAL0512", "restricts spec.priority otherwise", Level.DOUBTFUL)
def other_restriction(cluster):
    properties(cluster, "spec")["priority"]["maximum"] = 50


@fault("FAL0521", "you may not list nodereports.artifact.falcosecurity.dev", Level.DOUBTFUL)
def missing_right_of_the_user(cluster):
    cluster.missing = (Right("list", "artifact.falcosecurity.dev", "nodereports"),)


@fault("FAL0522", "may not create/patch daemonsets.apps")
def missing_right_of_the_operator(cluster):
    for rule in cluster.the("ClusterRole")["rules"]:
        if "daemonsets" in rule["resources"]:
            rule["verbs"] = ["get", "list", "watch", "delete"]


@fault("FAL0522", "no ClusterRoleBinding gives ServiceAccount falco-operator/falco-operator")
def missing_binding(cluster):
    cluster.remove("ClusterRoleBinding")


@fault("FAL0522", "may not get/patch leases.coordination.k8s.io")
def missing_right_to_lead(cluster):
    cluster.the("Role")["rules"].pop()


@fault("FAL0531", "0 of 1 pods of Deployment falco-operator/falco-operator are ready")
def operator_is_not_ready(cluster):
    cluster.deployment["status"] = {}


@fault("FAL0531", "ImagePullBackOff: no such image")
def operator_has_no_image(cluster):
    cluster.deployment["status"] = {}
    labels = cluster.deployment["spec"]["template"]["metadata"]["labels"]
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
    pod = manifest("Pod", OPERATOR, "operator-1", metadata={"labels": labels})
    status = {"containerStatuses": [{"name": "operator", "state": waiting}]}
    cluster.add(pod | {"status": status, "spec": {"containers": []}})


@fault("FAL0531", "has 0 replicas: no operator runs")
def operator_is_scaled_down(cluster):
    cluster.deployment["spec"]["replicas"] = 0


@fault("FAL0531", "there are 2 operators")
def two_operators(cluster):
    other = msgspec.json.decode(msgspec.json.encode(cluster.deployment))
    other["metadata"]["namespace"] = "zzz"
    cluster.add(other)


@fault("FAL0532", "the Lease is pod_1's, last renewed 2026-01-02T03:03:05")
def operator_hangs(cluster):
    lease = cluster.the("Lease")
    lease["spec"]["renewTime"] = micro_time(NOW - timedelta(minutes=1))
    cluster.lease_later = lease


@fault("FAL0532", "the Lease is free")
def nobody_leads(cluster):
    cluster.the("Lease")["spec"]["holderIdentity"] = ""


@fault("FAL0541", "is 0.1.0, this program is 0.2.0", Level.DOUBTFUL)
def other_release(cluster):
    cluster.program = "0.2.0"


@fault("FAL0541", "the sidecar of security/falco-x is old:1, the operator's is", Level.DOUBTFUL)
def old_sidecar(cluster):
    for one in cluster.the("Pod", "falco-x")["spec"]["initContainers"]:
        if one["name"] == "artifact-operator":
            one["image"] = "old:1"


@fault("FAL0542", "Falco 0.99.0 in security/falco-x", Level.DOUBTFUL)
def unknown_falco(cluster):
    cluster.the("Pod", "falco-x")["spec"]["containers"][0]["image"] = "falcosecurity/falco:0.99.0"


@fault("FAL0543", "Rulesfile security/rules: needs engine 0.99.0")
def incompatible_artifact(cluster):
    message = "needs engine 0.99.0 or newer, it has 0.62.0"
    condition = {"type": "Compatible", "status": "False", "message": message}
    rules = manifest("Rulesfile", "security", "rules", status={"conditions": [condition]})
    cluster.add(rules)


@fault("FAL0551", "there is no Service policy/judge; it is asked about daemonsets, and refuses")
def dead_webhook(cluster):
    cluster.add(webhook("ValidatingWebhookConfiguration"))


@fault("FAL0551", "Service policy/judge has no endpoint that is ready")
def webhook_without_endpoints(cluster):
    cluster.add(webhook("ValidatingWebhookConfiguration"))
    cluster.add(manifest("Service", "policy", "judge"))


@fault("FAL0551", "each of which may wait 10 s", Level.DOUBTFUL)
def slow_webhook(cluster):
    cluster.add(webhook("ValidatingWebhookConfiguration", failurePolicy="Ignore"))


@fault("FAL0552", "webhook judge.example.org, may change daemonsets", Level.DOUBTFUL)
def mutating_webhook(cluster):
    serve_webhook(cluster)
    cluster.add(webhook("MutatingWebhookConfiguration"))


@fault("FAL0553", "may refuse daemonsets; not reconciled: Falco security/falco", Level.DOUBTFUL)
def refusing_webhook(cluster):
    serve_webhook(cluster)
    cluster.add(webhook("ValidatingWebhookConfiguration"))
    cluster.falco["status"]["conditions"][0]["status"] = "False"


@fault("FAL0553", "Policy no-clusterroles may refuse clusterroles", Level.DOUBTFUL)
def refusing_policy(cluster):
    rule = {"operations": ["CREATE"], "apiGroups": ["*"], "apiVersions": ["*"]}
    constraints = {"resourceRules": [rule | {"resources": ["clusterroles"]}]}
    metadata = {"name": "no-clusterroles"}
    spec: dict = {"matchConstraints": constraints}
    cluster.add({"kind": "ValidatingAdmissionPolicy", "metadata": metadata, "spec": spec})
    spec = {"policyName": "no-clusterroles", "validationActions": ["Deny"]}
    cluster.add({"kind": "ValidatingAdmissionPolicyBinding", "metadata": metadata, "spec": spec})
    cluster.falco["status"]["conditions"][0]["status"] = "False"


@fault("FAL0561", "namespace security enforces baseline")
def pod_security(cluster):
    labels = {"pod-security.kubernetes.io/enforce": "baseline"}
    cluster.the("Namespace", "security")["metadata"]["labels"] = labels


def quota(cluster, hard, used):
    metadata = {"namespace": "security", "name": "quota"}
    status = {"hard": hard, "used": used}
    cluster.add(
        {"kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": hard}, "status": status}
    )


@fault("FAL0562", "1 pods of Falco security/falco are missing, and 3 of 3 pods are used")
def full_quota(cluster):
    cluster.the("DaemonSet", "falco")["status"]["desiredNumberScheduled"] = 2
    quota(cluster, {"pods": "3"}, {"pods": "3"})


@fault("FAL0562", "900m of 1 requests.cpu are used")
def no_cpu_left(cluster):
    cluster.the("DaemonSet", "falco")["status"]["currentNumberScheduled"] = 0
    quota(cluster, {"requests.cpu": "1"}, {"requests.cpu": "900m"})


@fault("FAL0562", "of Falco security/falco has no limits.cpu, so that its pods are refused")
def quota_that_demands_limits(cluster):
    quota(cluster, {"limits.cpu": "100"}, {})


def limit_range(cluster, **limits):
    metadata = {"namespace": "security", "name": "limits"}
    cluster.add({"kind": "LimitRange", "metadata": metadata, "spec": {"limits": [limits]}})


@fault("FAL0563", "container falco has limits.memory above the 512Mi that are allowed")
def small_limit(cluster):
    limit_range(cluster, type="Container", max={"memory": "512Mi"})


@fault("FAL0563", "container artifact-operator has requests.cpu below the 60m that are demanded")
def large_least(cluster):
    limit_range(cluster, type="Container", min={"cpu": "60m"})


@fault("FAL0571", "node win-1 runs windows, and Falco security/falco is to run on it")
def windows_node(cluster):
    other = {"kind": "Node", **node("win-1", 0, {})}
    other["status"]["nodeInfo"] = {"operatingSystem": "windows", "kubeletVersion": "v1.36.0"}
    cluster.add(other)


@fault("FAL0571", "node node-1 is of s390x, for which there is no image of Falco")
def other_architecture(cluster):
    cluster.the("Node", "node-1")["status"]["nodeInfo"]["architecture"] = "s390x"


@fault("FAL0571", "node node-1 has Linux 4.18.0-553.el8; Falco security/falco", Level.DOUBTFUL)
def old_kernel(cluster):
    information = cluster.the("Node", "node-1")["status"]["nodeInfo"]
    information["kernelVersion"] = "4.18.0-553.el8"


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_named_with_its_cause_and_nothing_else_is(cluster, name):
    plant, code, text, level = FAULTS[name]
    plant(cluster)
    ill = cluster.ill()
    assert list(ill) == [code]
    assert ill[code][0] is level
    assert text in ill[code][1]
    [told, *found] = [
        one for one in as_items(checked(cluster.facts(), CHECKS)) if one["code"] == code
    ]
    assert (told["kind"], told["level"]) == ("Check", level.word)
    assert all(one["kind"] == "Unread" or one["hint"] for one in found)
    assert text in as_text(checked(cluster.facts(), CHECKS))


def test_an_operator_without_deployment_that_leads_is_outside_of_the_cluster(cluster):
    cluster.remove("Deployment")
    assert cluster.ill() == {}
    text = as_text(checked(cluster.facts(), CHECKS))
    assert "√ there is one operator (it is a process outside of the cluster: pod_1)" in text


def test_a_lease_that_an_operator_without_election_has_left_is_no_matter(cluster):
    cluster.the("Lease")["spec"]["renewTime"] = micro_time(NOW - timedelta(days=5))
    assert list(cluster.ill()) == ["FAL0532"]
    [container] = cluster.deployment["spec"]["template"]["spec"]["containers"]
    container["args"] = [flag for flag in container["args"] if "elect" not in flag]
    assert cluster.ill() == {}


def test_a_message_from_elsewhere_gives_a_terminal_no_orders(cluster):
    incompatible_artifact(cluster)
    condition = cluster.the("Rulesfile", "rules")["status"]["conditions"][0]
    condition["message"] = "\x1b[31mred\x1b]0;title\x07\nnext"
    told = as_text(checked(cluster.facts(), CHECKS))
    assert "\x1b" not in told
    assert "Rulesfile security/rules: �[31mred�]0;title� next\n" in told


def test_a_falco_that_has_said_what_it_is_is_known(cluster):
    unknown_falco(cluster)
    report = manifest("NodeReport", "security", "falco-x", falco={"engineVersion": "0.99.0"})
    cluster.add(report)
    assert cluster.ill() == {}


def test_an_operator_that_is_found_where_it_is_expected_is_looked_at(cluster):
    cluster.unread = [Unread("Deployment", "", "you may not")]
    assert cluster.ill()["FAL0531"][0] is Level.UNREAD
    cluster.deployment["status"] = {}
    assert cluster.ill()["FAL0531"][0] is Level.BAD


def test_a_version_and_roles_that_could_not_be_read_are_no_error(cluster):
    cluster.version = (0, 0)
    cluster.objects["Role"] = []
    cluster.unread = [Unread("Role", OPERATOR, "you may not")]
    assert {code: level for code, (level, _) in cluster.ill().items()} == {"FAL0501": Level.UNREAD}


def test_without_deployment_and_lease_it_is_said_what_cannot_be_seen(cluster):
    cluster.remove("Deployment")
    cluster.remove("Lease")
    level, text = cluster.ill()["FAL0531"]
    assert (level, "is not to be seen" in text) == (Level.DOUBTFUL, True)
    cluster.falco["metadata"]["generation"] = 2
    level, text = cluster.ill()["FAL0531"]
    assert (level, "nobody has seen Falco security/falco" in text) == (Level.BAD, True)


def test_a_lease_that_looks_old_by_a_clock_that_is_wrong_is_renewed(cluster):
    lease = cluster.the("Lease")
    lease["spec"]["renewTime"] = micro_time(NOW - timedelta(minutes=5))
    renewed = micro_time(NOW - timedelta(minutes=4))
    cluster.lease_later = lease | {"spec": lease["spec"] | {"renewTime": renewed}}
    assert cluster.ill() == {}


@pytest.mark.parametrize("kind", sorted({kind for check in CHECKS for kind in check.needs}))
def test_what_could_not_be_read_is_said_and_is_no_error(cluster, kind):
    cluster.objects[kind] = []
    cluster.unread = [Unread(kind, "", "you may not")]
    told = {check.code for check in CHECKS if kind in check.needs}
    ill = cluster.ill()
    assert told <= set(ill)
    for code in told:
        assert f"{READ[kind].plural} could not be read: you may not" in ill[code][1]
    assert all(level is not Level.BAD for level, _ in ill.values()), ill


@pytest.mark.parametrize(
    "limits",
    [
        {"namespaceSelector": {"matchLabels": {"a": "c"}}},
        {"objectSelector": {"matchExpressions": [{"key": "mine", "operator": "Exists"}]}},
        {"matchPolicy": "Exact", "rules": [
            {"operations": ["*"], "apiGroups": ["apps"], "apiVersions": ["v1beta1"],
             "resources": ["daemonsets"]}]},
        {"rules": [{"operations": ["DELETE"], "apiGroups": ["apps"], "apiVersions": ["v1"],
                    "resources": ["daemonsets"]}]},
        {"rules": [{"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"],
                    "resources": ["*/status"]}]},
        {"rules": [{"operations": ["*"], "apiGroups": ["apps"], "apiVersions": ["*"],
                    "resources": ["*"], "scope": "Cluster"}]},
        {"clientConfig": {"url": "https://judge.example.org"}},
    ],
)  # fmt: skip
def test_a_webhook_that_is_not_asked_about_our_objects_is_no_matter(cluster, limits):
    cluster.add(webhook("ValidatingWebhookConfiguration", **limits))
    assert cluster.ill() == {}


def test_a_deployment_of_falco_passes_where_its_daemon_set_would_not(cluster):
    pod_security(cluster)
    cluster.falco["spec"]["type"] = "Deployment"
    assert "FAL0561" not in cluster.ill()
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    cluster.the("Namespace", "security")["metadata"]["labels"] = labels
    assert "container falco lacks" in cluster.ill()["FAL0561"][1]


def test_a_taint_keeps_a_node_from_being_a_matter(cluster):
    windows_node(cluster)
    taint = {"key": "os", "value": "windows", "effect": "NoSchedule"}
    cluster.the("Node", "win-1")["spec"] = {"taints": [taint]}
    assert cluster.ill() == {}
    template: dict = {"spec": {"tolerations": [{"key": "os", "value": "windows"}]}}
    cluster.falco["spec"]["podTemplateSpec"] = template
    assert list(cluster.ill()) == ["FAL0571"]
    template["spec"]["nodeSelector"] = {"kubernetes.io/os": "linux"}
    cluster.the("Node", "win-1")["metadata"]["labels"]["kubernetes.io/os"] = "windows"
    assert cluster.ill() == {}


def test_before_an_installation_nothing_may_be_in_its_way():
    empty = Cluster()
    for kind in ("CustomResourceDefinition", "Deployment"):
        empty.objects[kind] = []
    assert empty.ill(PRE) == {}
    empty.missing = (Right("create", "", "namespaces"),)
    assert empty.ill(PRE)["FAL0523"] == (Level.BAD, "you may not create namespaces")


def test_crds_of_the_go_operator_are_known_before_helm_leaves_them(cluster):
    del properties(cluster, "spec")["validation"]
    crd = cluster.the("CustomResourceDefinition", "rulesfiles.artifact.falcosecurity.dev")
    assert cluster.ill(PRE)["FAL0513"][0] is Level.DOUBTFUL
    crd["metadata"]["annotations"] = {"controller-gen.kubebuilder.io/version": "v0.17.0"}
    level, text = cluster.ill(PRE)["FAL0513"]
    assert level is Level.BAD
    assert "is the Go operator's" in text


def test_the_settings_are_those_of_the_deployment(cluster):
    [container] = cluster.deployment["spec"]["template"]["spec"]["containers"]
    container["env"][0]["value"] = "example.org/sidecar:1"
    container["args"].append("--excluded-labels=team")
    found = cluster.settings
    assert (found.sidecar_image, found.excluded_labels) == ("example.org/sidecar:1", ("team",))
    container["args"].append("--of-another-release")
    assert settings_of(cluster.objects["Deployment"]) is None


def test_an_operator_that_is_not_to_be_seen_is_known_by_its_sidecar(cluster):
    told = FalcoSettings(
        "example.org/s:1",
        registry_policy=RegistryPolicy(True, ("localhost:5000",)),
        default_validation=Validation.WARN,
        signature_modes=DefaultModes(Mode.ENFORCE, Mode.ENFORCE),
        pull_window=7.0,
    )
    for child in desired(msgspec.convert(cluster.falco, Falco), told):
        if child.ref.kind == "DaemonSet":
            assert settings_of_sidecar(child.body) == told


def test_every_crd_is_looked_at_and_every_code_is_explained_once():
    assert [one.crd_name for one in DEFINITIONS] == [
        one.crd_name for one in crds.generate.DEFINITIONS
    ]
    codes = [check.code for check in ALL]
    assert len(codes) == len(set(codes))
    page = (ROOT / "docs" / "cli.md").read_text()
    for check in ALL:
        assert f"### {check.code}\n" in page
