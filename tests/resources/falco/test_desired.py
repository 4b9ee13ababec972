import json
from datetime import UTC, datetime

import msgspec
import pytest

from resources.falco.desired import FalcoSettings, desired, main_workload, resolved_version
from resources.falco.pod_settings import REGISTRIES_FILE
from resources.falco.rights import Readable
from resources.falco.spec import Falco, FalcoSpec, FalcoStatus
from resources.instance.children import unwanted
from resources.instance.outcome import Outcome
from resources.instance.status import observed_status
from resources.kubernetes.invalid_spec import InvalidSpec
from resources.kubernetes.meta import ObjectMeta
from resources.kubernetes.reference import ObjectRef
from resources.registry.credentials import RegistryPolicy
from resources.registry.table import TABLE_KEY, table_of
from resources.registry.table_reader import read_table
from resources.signatures.demand import DefaultModes
from resources.signatures.policy import Mode

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SELECTOR = {"app.kubernetes.io/name": "falco", "app.kubernetes.io/instance": "falco"}
DIGEST = "sha256:" + "0123456789abcdef" * 4


def falco(labels=None, **spec):
    meta = ObjectMeta(name="falco", namespace="ns", uid="u-1", generation=4, labels=labels)
    return Falco(metadata=meta, spec=FalcoSpec(**spec))


DEFAULTS = FalcoSettings()


def status(resource, outcome, live, now):
    return observed_status(resource, outcome, main_workload(resource), live, now)


def children(resource, settings=DEFAULTS):
    return {child.ref.kind: child for child in desired(resource, settings)}


def with_image(image):
    return {"spec": {"containers": [{"name": "falco", "image": image}]}}


@pytest.mark.parametrize("kind", ["DaemonSet", "Deployment"])
def test_a_falco_has_eight_children_in_three_waves(kind):
    def ref(child):
        return ObjectRef(child, "ns", "falco")

    cluster_role = ObjectRef("ClusterRole", "", "falco--ns")
    waves = [(child.ref, child.wave, child.after) for child in desired(falco(type=kind), DEFAULTS)]
    assert sorted(waves) == sorted(
        [
            (ref("ServiceAccount"), 1, ()),
            (ref("Role"), 1, ()),
            (ref("Service"), 1, ()),
            (ref("ConfigMap"), 1, ()),
            (ref("RoleBinding"), 2, (ref("Role"),)),
            (cluster_role, 2, ()),
            (ObjectRef("ClusterRoleBinding", "", "falco--ns"), 3, (cluster_role,)),
            (ref(kind), 3, (ref("ConfigMap"), ref("ServiceAccount"))),
        ]
    )
    assert [wave for _, wave, _ in waves] == sorted(wave for _, wave, _ in waves)


def test_its_pods_may_read_what_the_artifacts_of_the_namespace_refer_to_and_no_more():
    def named(readable):
        rules = next(
            child.body["rules"]
            for child in desired(falco(), DEFAULTS, readable)
            if child.ref.kind == "Role"
        )
        return {rule["resources"][0]: rule.get("resourceNames") for rule in rules[3:]}

    assert named(Readable()) == {}
    assert named(Readable(frozenset({"b", "a"}))) == {"secrets": ["a", "b"]}
    both = Readable(frozenset({"a"}), frozenset({"c"}))
    assert named(both) == {"secrets": ["a"], "configmaps": ["c"]}


def test_a_falco_without_a_type_is_a_daemon_set():
    assert "DaemonSet" in children(falco())


def test_bodies_are_json_and_the_same_each_time():
    bodies = [
        json.dumps([child.body for child in desired(falco(labels=labels), DEFAULTS)])
        for labels in ({"a": "1", "b": "2"}, {"b": "2", "a": "1"})
    ]
    assert bodies[0] == bodies[1]


def test_every_child_carries_the_copied_labels_and_ours():
    resource = falco(labels={"team": "blue", "secret/x": "y", "app.kubernetes.io/instance": "helm"})
    settings = FalcoSettings(excluded_labels=("secret/*",))
    for child in desired(resource, settings):
        labels = {**SELECTOR, "app.kubernetes.io/managed-by": "falco-operator", "team": "blue"}
        if not child.ref.namespace:
            del labels["app.kubernetes.io/instance"]
        assert child.body["metadata"]["labels"] == labels


@pytest.mark.parametrize("kind", ["DaemonSet", "Deployment"])
def test_pods_are_selected_by_name_and_instance_and_marked_for_our_watch(kind):
    spec = children(falco(labels={"team": "blue"}, type=kind))[kind].body["spec"]
    assert spec["selector"] == {"matchLabels": SELECTOR}
    assert spec["template"]["metadata"]["labels"] == {
        "team": "blue",
        **SELECTOR,
        "app.kubernetes.io/managed-by": "falco-operator",
        "instance.falcosecurity.dev/owner-kind": "Falco",
    }


def test_the_service_serves_the_web_port_of_the_pods():
    assert children(falco())["Service"].body["spec"] == {
        "selector": SELECTOR,
        "ports": [{"name": "web", "port": 8765, "protocol": "TCP", "targetPort": "web"}],
    }


def test_the_base_configuration_is_in_the_config_map_and_its_hash_on_the_pods():
    hashes = set()
    for kind in ("DaemonSet", "Deployment"):
        made = children(falco(type=kind))
        assert list(made["ConfigMap"].body["data"]) == ["falco.yaml"]
        annotations = made[kind].body["spec"]["template"]["metadata"]["annotations"]
        hashes.add(annotations["instance.falcosecurity.dev/config-hash"])
    assert len(hashes) == 2


@pytest.mark.parametrize(
    ("spec", "replicas"),
    [
        ({"type": "Deployment"}, None),
        ({"type": "Deployment", "replicas": 3}, 3),
        ({"type": "DaemonSet", "replicas": 3}, None),
    ],
)
def test_replicas_are_ours_only_if_a_deployment_names_them(spec, replicas):
    assert children(falco(**spec))[spec["type"]].body["spec"].get("replicas") == replicas


@pytest.mark.parametrize(
    ("spec", "field", "expected"),
    [
        ({}, "updateStrategy", "RollingUpdate"),
        ({"type": "Deployment"}, "strategy", "RollingUpdate"),
        ({"update_strategy": {"type": "OnDelete"}}, "updateStrategy", "OnDelete"),
        ({"type": "Deployment", "strategy": {"type": "Recreate"}}, "strategy", "Recreate"),
        ({"strategy": {"type": "Recreate"}}, "updateStrategy", "RollingUpdate"),
    ],
)
def test_each_workload_takes_its_own_strategy(spec, field, expected):
    resource = falco(**spec)
    workload = children(resource)[spec.get("type", "DaemonSet")]
    assert workload.body["spec"][field]["type"] == expected


@pytest.mark.parametrize(
    ("spec", "version", "image"),
    [
        ({}, "0.44.1", "docker.io/falcosecurity/falco:0.44.1"),
        ({"version": "0.43.0"}, "0.43.0", "docker.io/falcosecurity/falco:0.43.0"),
        ({"version": DIGEST}, DIGEST, f"docker.io/falcosecurity/falco@{DIGEST}"),
        (
            {"version": f"0.43.0@{DIGEST}"},
            f"0.43.0@{DIGEST}",
            f"docker.io/falcosecurity/falco:0.43.0@{DIGEST}",
        ),
        (
            {"version": "0.43.0", "pod_template_spec": with_image("host:5000/falco:0.42.0")},
            "0.42.0",
            "host:5000/falco:0.42.0",
        ),
        (
            {"version": "0.43.0", "pod_template_spec": with_image(f"host:5000/falco@{DIGEST}")},
            DIGEST,
            f"host:5000/falco@{DIGEST}",
        ),
        (
            {"version": "0.43.0", "pod_template_spec": with_image("host:5000/falco")},
            "0.43.0",
            "host:5000/falco:0.43.0",
        ),
        ({"pod_template_spec": with_image("host:5000/falco")}, "0.44.1", "host:5000/falco:0.44.1"),
        (
            {"pod_template_spec": {"spec": {"containers": [{"name": "falco"}, {"name": "x"}]}}},
            "0.44.1",
            "docker.io/falcosecurity/falco:0.44.1",
        ),
    ],
)
def test_the_version_is_of_the_template_else_of_the_spec_else_built_in(spec, version, image):
    resource = falco(**spec)
    assert resolved_version(resource) == version
    template = children(resource)["DaemonSet"].body["spec"]["template"]
    assert template["spec"]["containers"][0]["image"] == image


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"version": "not a tag!"}, "spec.version"),
        (
            {"pod_template_spec": with_image("not an image!")},
            "spec.podTemplateSpec.spec.containers[name=falco].image",
        ),
    ],
)
def test_a_bad_version_is_refused(spec, field):
    with pytest.raises(InvalidSpec) as error:
        desired(falco(**spec), DEFAULTS)
    assert error.value.field == field


def sidecar(pod):
    return pod["initContainers"][-1]


def test_the_sidecar_follows_the_policy_of_secrets():
    flag = "--require-registry-annotation"
    for required in (False, True):
        settings = FalcoSettings(registry_policy=RegistryPolicy(required))
        pod = children(falco(), settings)["DaemonSet"].body["spec"]["template"]["spec"]
        assert (flag in sidecar(pod)["args"]) is required


def test_the_sidecar_may_reach_the_local_registries_of_the_operator():
    settings = FalcoSettings(registry_policy=RegistryPolicy(False, ("localhost:5000", "b")))
    pod = children(falco(), settings)["DaemonSet"].body["spec"]["template"]["spec"]
    flags = ["--allow-local-registry=localhost:5000", "--allow-local-registry=b"]
    assert sidecar(pod)["args"][-2:] == flags


@pytest.mark.parametrize(
    ("modes", "flags"),
    [
        (DefaultModes(), []),
        (DefaultModes(Mode.OFF, Mode.WARN), []),
        (DefaultModes(Mode.ENFORCE), ["--verify-official=Enforce"]),
        (
            DefaultModes(Mode.ENFORCE, Mode.ENFORCE),
            ["--verify-official=Enforce", "--verify-others=Enforce"],
        ),
    ],
)
def test_the_sidecar_knows_what_is_enforced_and_pods_stay_as_they_are_otherwise(modes, flags):
    pod = children(falco(), FalcoSettings(signature_modes=modes))["DaemonSet"].body["spec"]
    arguments = sidecar(pod["template"]["spec"])["args"]
    assert [each for each in arguments if each.startswith("--verify")] == flags


def test_the_table_of_registries_is_in_the_config_map_and_no_change_of_it_in_the_pods():
    one, other = (
        children(falco(), FalcoSettings(registries=read_table(text)))
        for text in (b"proxy: http://a:1", b"proxy: http://b:1")
    )
    assert one["DaemonSet"].body == other["DaemonSet"].body
    assert one["Role"].body == other["Role"].body == children(falco(), DEFAULTS)["Role"].body
    tables = [each["ConfigMap"].body["data"][TABLE_KEY] for each in (one, other)]
    assert [table_of(table.encode()).proxy for table in tables] == ["http://a:1", "http://b:1"]
    pod = one["DaemonSet"].body["spec"]["template"]["spec"]
    assert f"--registry-config={REGISTRIES_FILE}" in sidecar(pod)["args"]
    [volume] = [each for each in pod["volumes"] if each["name"] == "artifact-operator-registries"]
    items = [{"key": TABLE_KEY, "path": TABLE_KEY}]
    assert volume["configMap"] == {"name": "falco", "items": items, "optional": True}
    [mount] = [each for each in sidecar(pod)["volumeMounts"] if each["name"] == volume["name"]]
    assert mount["readOnly"]
    assert "subPath" not in mount


def test_without_a_table_nothing_of_it_is_anywhere():
    assert "registries" not in str([child.body for child in desired(falco(), DEFAULTS)])


def test_settings_reach_the_sidecar():
    settings = FalcoSettings(sidecar_image="host:5000/own:1", gate_deadline=600)
    pod = children(falco(), settings)["DaemonSet"].body["spec"]["template"]["spec"]
    assert sidecar(pod)["image"] == "host:5000/own:1"
    assert sidecar(pod)["startupProbe"]["failureThreshold"] == 126


@pytest.mark.parametrize(
    ("kind", "other"),
    [(None, "Deployment"), ("DaemonSet", "Deployment"), ("Deployment", "DaemonSet")],
)
def test_the_workload_of_the_other_type_is_unwanted(kind, other):
    owner = ObjectRef("Falco", "ns", "falco")
    assert unwanted(owner, desired(falco(type=kind), DEFAULTS)) == (owner._replace(kind=other),)


def test_a_template_customises_the_pod_but_not_what_we_find_it_by():
    template = {
        "metadata": {
            "labels": {"app.kubernetes.io/name": "mine", "team": "red", "x": "y"},
            "annotations": {"instance.falcosecurity.dev/config-hash": "old", "x": "y"},
        },
        "spec": {"nodeSelector": {"a": "b"}, "containers": [{"name": "falco", "workingDir": "/x"}]},
    }
    resource = falco(labels={"team": "blue"}, pod_template_spec=template)
    plain = children(falco())["DaemonSet"].body["spec"]["template"]
    result = children(resource)["DaemonSet"].body["spec"]["template"]
    assert result["metadata"]["labels"] == {
        **SELECTOR,
        "team": "red",
        "x": "y",
        "app.kubernetes.io/managed-by": "falco-operator",
        "instance.falcosecurity.dev/owner-kind": "Falco",
    }
    assert result["metadata"]["annotations"] == plain["metadata"]["annotations"] | {"x": "y"}
    assert result["spec"]["nodeSelector"] == {"a": "b"}
    assert result["spec"]["containers"] == [{**plain["spec"]["containers"][0], "workingDir": "/x"}]
    assert result["spec"]["initContainers"] == plain["spec"]["initContainers"]


def test_a_startup_probe_of_falco_asks_what_its_liveness_probe_asks_by_default():
    container = {"name": "falco", "startupProbe": {"failureThreshold": 60}}
    resource = falco(pod_template_spec={"spec": {"containers": [container]}})
    pod = children(resource)["DaemonSet"].body["spec"]["template"]["spec"]
    assert pod["containers"][0]["startupProbe"] == {
        "httpGet": {"path": "/healthz", "port": 8765},
        "failureThreshold": 60,
    }
    plain = children(falco())["DaemonSet"].body["spec"]["template"]["spec"]
    assert "startupProbe" not in plain["containers"][0]


def live(image="falco:0.43.0"):
    return {
        "metadata": {"generation": 1},
        "spec": {"template": {"spec": {"containers": [{"name": "falco", "image": image}]}}},
        "status": {
            "observedGeneration": 1,
            "desiredNumberScheduled": 3,
            "currentNumberScheduled": 3,
            "updatedNumberScheduled": 3,
            "numberAvailable": 2,
            "numberUnavailable": 1,
        },
    }


def test_status_says_what_runs_and_how_much_of_it():
    created = Outcome(created=(ObjectRef("DaemonSet", "ns", "falco"),))
    assert status(falco(version="0.44.0"), created, live(), NOW) == {
        "resourceType": "DaemonSet",
        "version": "→ 0.43.0",
        "desiredReplicas": 3,
        "availableReplicas": 2,
        "unavailableReplicas": 1,
        "observedGeneration": 4,
        "conditions": [
            {
                "type": "Reconciled",
                "status": "True",
                "reason": "ResourceCreated",
                "message": "Created DaemonSet falco",
                "lastTransitionTime": "2026-01-02T03:04:05Z",
                "observedGeneration": 4,
            },
            {
                "type": "Available",
                "status": "False",
                "reason": "DaemonSetUnavailable",
                "message": "2 of 3 pods are available",
                "lastTransitionTime": "2026-01-02T03:04:05Z",
                "observedGeneration": 4,
            },
        ],
    }


def test_status_after_nothing_changed_is_the_status_before():
    before = status(falco(), Outcome(created=(ObjectRef("Role", "ns", "falco"),)), live(), NOW)
    read = msgspec.convert(before, FalcoStatus)
    resource = msgspec.structs.replace(falco(), status=read)
    assert status(resource, Outcome(), live(), datetime.now(UTC)) == before


def test_without_a_workload_there_are_no_counts_and_no_version():
    result = status(falco(), Outcome(), None, NOW)
    assert set(result) == {"resourceType", "observedGeneration", "conditions"}


def test_what_a_user_leaves_empty_in_the_template_is_the_default():
    empty = {
        "spec": {
            "serviceAccountName": "",
            "containers": [{"name": "falco", "image": "", "livenessProbe": {"periodSeconds": 0}}],
        }
    }
    assert desired(falco(pod_template_spec=empty), DEFAULTS) == desired(falco(), DEFAULTS)


@pytest.mark.parametrize(
    ("mount", "warnings"),
    [
        ({"mountPath": "/data", "name": "data"}, ()),
        ({"mountPath": "/etc/falco/rules.d", "name": "falco-rulesfiles"}, ()),
        (
            {"mountPath": "/etc/falco/rules.d", "name": "falco-rulesfiles", "readOnly": False},
            ("container falco may write to /etc/falco/rules.d",),
        ),
        (
            {"mountPath": "/mine", "name": "falco-configs"},
            ("container falco may write to /mine",),
        ),
    ],
)
def test_a_template_that_lets_falco_write_its_files_is_warned_of(mount, warnings):
    template = {"spec": {"containers": [{"name": "falco", "volumeMounts": [mount]}]}}
    daemon_set = children(falco(pod_template_spec=template))["DaemonSet"]
    assert daemon_set.warnings == warnings
