import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.falco.pod import pod_template as default_template
from resources.falco.pod_settings import PodSettings
from resources.kubernetes.merge_shapes import POD_TEMPLATE
from resources.kubernetes.overlay import merged, normalized, pod_template
from tests.resources.kubernetes.templates import templates

DEFAULTS = default_template(
    PodSettings(
        workload="DaemonSet",
        name="falco",
        image="falco:1",
        version="1",
        config_hash="abc",
        labels={"a": "b"},
        sidecar_image="sidecar:1",
        gate_deadline=60,
    )
)
both = st.sampled_from([DEFAULTS]) | templates()


def parts(value, shape, path=()):
    """Every value that merges as a whole, by the path of field names and item keys to it."""
    if isinstance(value, dict) and value and not shape.atomic:
        for name, child in value.items():
            yield from parts(child, shape.under(name), (*path, name))
    elif isinstance(value, list) and shape.keys:
        for item in value:
            yield from parts(item, shape.of_item(), (*path, shape.key_of(item)))
    else:
        yield path, value


def wholes(template):
    return dict(parts(template, POD_TEMPLATE))


@given(both)
def test_merging_nothing_changes_nothing(template):
    assert pod_template(template, {}) == template
    assert pod_template({}, template) == template


@given(both, templates())
def test_merging_twice_is_merging_once(below, above):
    once = pod_template(below, above)
    assert pod_template(once, above) == once


@given(both, templates())
def test_each_value_that_the_user_gave_is_in_the_result(below, above):
    result = wholes(pod_template(below, above))
    for path, value in wholes(above).items():
        if value not in ({}, ""):
            assert result[path] == value


@given(both, templates())
def test_each_default_that_the_user_did_not_touch_is_in_the_result(below, above):
    given_paths = wholes(above)
    result = wholes(pod_template(below, above))
    touched = {path[:length] for path in given_paths for length in range(len(path) + 1)}
    for path, value in wholes(below).items():
        if value != {} and path not in touched and not excluded(path, touched):
            assert result[path] == value


def excluded(path, touched):
    """Whether the user gave another one of fields that exclude each other."""
    shape = POD_TEMPLATE
    for length, key in enumerate(path):
        others = {(*path[:length], name) for name in shape.one_of - {key}}
        if key in shape.one_of and others & touched:
            return True
        shape = shape.of_item() if isinstance(key, tuple) else shape.under(key)
    return False


@given(both, templates())
def test_the_user_s_order_is_kept_and_that_of_the_other_defaults(below, above):
    def names(template):
        return [item["name"] for item in template.get("spec", {}).get("containers", [])]

    result = names(pod_template(below, above))
    assert [name for name in result if name in names(above)] == names(above)
    others = [name for name in names(below) if name not in names(above)]
    assert [name for name in result if name not in names(above)] == others


@given(both, templates())
def test_merging_changes_none_of_its_layers(below, above):
    before = copy.deepcopy((below, above))
    pod_template(below, above)
    assert (below, above) == before


def overlaid(**spec):
    return pod_template(DEFAULTS, normalized({"spec": spec}))["spec"]


def container(spec, name="falco", kind="containers"):
    [actual] = [item for item in spec[kind] if item["name"] == name]
    return actual


def test_an_extra_container_comes_after_ours():
    extra = {"name": "extra", "image": "x:1"}
    assert overlaid(containers=[extra])["containers"] == [*DEFAULTS["spec"]["containers"], extra]


def test_init_containers_come_after_the_sidecar():
    extra = {"name": "extra", "image": "x:1"}
    spec = overlaid(initContainers=[extra])
    assert [item["name"] for item in spec["initContainers"]] == ["artifact-operator", "extra"]


def test_the_sidecar_is_customised_by_its_name():
    given_limits = {"resources": {"limits": {"memory": "1Gi", "cpu": "1"}}}
    spec = overlaid(initContainers=[{"name": "artifact-operator", **given_limits}])
    assert container(spec, "artifact-operator", "initContainers")["resources"] == {
        "requests": {"cpu": "50m", "memory": "64Mi"},
        "limits": {"memory": "1Gi", "cpu": "1"},
    }


def test_an_environment_variable_is_overridden_by_its_name_and_in_its_place():
    env = [{"name": "FALCO_HOSTNAME", "value": "me"}, {"name": "MORE", "value": "x"}]
    falco = container(overlaid(containers=[{"name": "falco", "env": env}]))
    assert falco["env"] == [
        {"name": "HOST_ROOT", "value": "/host"},
        {"name": "FALCO_HOSTNAME", "value": "me"},
        {"name": "FALCO_K8S_NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
        {"name": "MORE", "value": "x"},
    ]


def test_an_empty_value_leaves_where_a_default_comes_from_and_replaces_another_value():
    env = [{"name": name, "value": ""} for name in ("HOST_ROOT", "FALCO_HOSTNAME")]
    falco = container(overlaid(containers=[{"name": "falco", "env": env}]))
    assert falco["env"][:2] == [
        {"name": "HOST_ROOT", "value": ""},
        {"name": "FALCO_HOSTNAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
    ]


def test_a_variable_may_refer_to_one_that_the_user_puts_before_it():
    env = [{"name": "ROOT", "value": "/r"}, {"name": "HOST_ROOT", "value": "$(ROOT)"}]
    falco = container(overlaid(containers=[{"name": "falco", "env": env}]))
    assert falco["env"] == [*env, *container(DEFAULTS["spec"])["env"][1:]]


def test_an_init_container_that_the_user_puts_before_the_sidecar_runs_before_it():
    fetch = {"name": "fetch", "image": "x:1"}
    spec = overlaid(
        initContainers=[fetch, {"name": "artifact-operator"}],
        containers=[{"name": "first", "image": "x:1"}, {"name": "falco"}],
    )
    assert [item["name"] for item in spec["initContainers"]] == ["fetch", "artifact-operator"]
    assert [item["name"] for item in spec["containers"]] == ["first", "falco"]


@pytest.mark.parametrize("field", ["args", "command"])
def test_arguments_are_replaced(field):
    falco = container(overlaid(containers=[{"name": "falco", field: ["a", "b"]}]))
    assert falco[field] == ["a", "b"]


def test_tolerations_are_replaced():
    given_ones = [{"operator": "Exists"}]
    assert overlaid(tolerations=given_ones)["tolerations"] == given_ones


def test_a_volume_is_replaced_by_its_name_with_its_source():
    spec = overlaid(volumes=[{"name": "dev-fs", "emptyDir": {"medium": "Memory"}}])
    assert {"name": "dev-fs", "emptyDir": {"medium": "Memory"}} in spec["volumes"]
    assert len(spec["volumes"]) == len(DEFAULTS["spec"]["volumes"])


def test_a_source_of_the_same_kind_is_changed_in_part():
    spec = overlaid(volumes=[{"name": "dev-fs", "hostPath": {"type": "Directory"}}])
    assert {"name": "dev-fs", "hostPath": {"path": "/dev", "type": "Directory"}} in spec["volumes"]


def test_another_kind_of_probe_replaces_ours_and_keeps_its_times():
    probe = {"exec": {"command": ["true"]}, "periodSeconds": 1}
    falco = container(overlaid(containers=[{"name": "falco", "livenessProbe": probe}]))
    assert falco["livenessProbe"] == {
        "exec": {"command": ["true"]},
        "initialDelaySeconds": 60,
        "timeoutSeconds": 5,
        "periodSeconds": 1,
        "failureThreshold": 3,
    }


def test_a_mount_is_changed_by_its_path():
    mount = {"mountPath": "/host/dev", "name": "dev-fs", "readOnly": False}
    falco = container(overlaid(containers=[{"name": "falco", "volumeMounts": [mount]}]))
    assert mount in falco["volumeMounts"]


def test_a_port_without_a_protocol_is_the_tcp_one():
    port = {"containerPort": 8765, "name": "http"}
    falco = container(overlaid(containers=[{"name": "falco", "ports": [port]}]))
    assert falco["ports"] == [{"containerPort": 8765, "name": "http", "protocol": "TCP"}]


def test_a_node_selector_is_replaced_as_a_whole():
    template = pod_template(
        {"spec": {"nodeSelector": {"a": "b"}}}, {"spec": {"nodeSelector": {"c": "d"}}}
    )
    assert template["spec"]["nodeSelector"] == {"c": "d"}


def test_host_network_and_labels_and_annotations_are_taken():
    template = pod_template(
        DEFAULTS,
        {
            "metadata": {"labels": {"x": "y"}, "annotations": {"x": "y"}},
            "spec": {"hostNetwork": True},
        },
    )
    assert template["metadata"]["labels"] == {"a": "b", "x": "y"}
    assert template["metadata"]["annotations"]["x"] == "y"
    assert template["spec"]["hostNetwork"] is True


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ({"serviceAccount": "old"}, "old"),
        ({"serviceAccount": "old", "serviceAccountName": "new"}, "new"),
        ({"serviceAccountName": "new"}, "new"),
        ({}, "falco"),
    ],
)
def test_the_old_name_of_the_service_account_field_still_works(spec, name):
    result = overlaid(**spec)
    assert result["serviceAccountName"] == name
    assert "serviceAccount" not in result


FALCO_FIELDS = {
    "an image": {"image": ""},
    "a pull policy": {"imagePullPolicy": ""},
    "a working directory": {"workingDir": ""},
    "a path of a probe": {"livenessProbe": {"httpGet": {"path": "", "scheme": ""}}},
    "a port of a probe": {"livenessProbe": {"httpGet": {"port": ""}}},
    "times of a probe": {
        "livenessProbe": {"periodSeconds": 0, "timeoutSeconds": 0, "failureThreshold": 0}
    },
    "a path within a volume": {
        "volumeMounts": [
            {"mountPath": "/etc/falco/falco.yaml", "name": "falco-config-default", "subPath": ""}
        ]
    },
    "a protocol": {"ports": [{"containerPort": 8765, "name": "", "protocol": ""}]},
}
POD_FIELDS = {
    "an account": {"serviceAccountName": ""},
    "an account by its old name": {"serviceAccount": "", "serviceAccountName": ""},
    "a policy of DNS": {"dnsPolicy": "", "restartPolicy": "", "schedulerName": ""},
    "a ConfigMap": {"volumes": [{"name": "falco-config-default", "configMap": {"name": ""}}]},
    "a path of the host": {"volumes": [{"name": "dev-fs", "hostPath": {"path": "", "type": ""}}]},
}


@pytest.mark.parametrize("fields", FALCO_FIELDS.values(), ids=FALCO_FIELDS)
def test_what_is_empty_leaves_the_default_of_a_container(fields):
    assert overlaid(containers=[{"name": "falco", **fields}]) == DEFAULTS["spec"]


@pytest.mark.parametrize("fields", POD_FIELDS.values(), ids=POD_FIELDS)
def test_what_is_empty_leaves_the_default_of_the_pod(fields):
    assert overlaid(**fields) == DEFAULTS["spec"]


def test_an_optional_config_map_without_a_name_is_ours():
    volume = {"name": "falco-config-default", "configMap": {"name": "", "optional": True}}
    assert {
        "name": "falco-config-default",
        "configMap": {"name": "falco", "optional": True},
    } in overlaid(volumes=[volume])["volumes"]


def test_values_that_mean_something_when_they_are_empty_stay():
    env = [{"name": "HOST_ROOT", "value": ""}]
    given_template = {
        "metadata": {"labels": {"a": ""}, "annotations": {"x": ""}},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "nodeSelector": {"x": ""},
            "containers": [
                {
                    "name": "falco",
                    "args": [""],
                    "env": env,
                    "livenessProbe": {"initialDelaySeconds": 0},
                    "securityContext": {"privileged": False, "runAsUser": 0},
                }
            ],
        },
    }
    template = pod_template(DEFAULTS, normalized(given_template))
    assert template["metadata"]["labels"] == {"a": ""}
    assert template["metadata"]["annotations"]["x"] == ""
    spec = template["spec"]
    assert spec["terminationGracePeriodSeconds"] == 0
    assert spec["automountServiceAccountToken"] is False
    assert spec["nodeSelector"] == {"x": ""}
    falco = container(spec)
    assert falco["args"] == [""]
    assert falco["env"][0] == env[0]
    assert falco["livenessProbe"]["initialDelaySeconds"] == 0
    assert falco["securityContext"] == {"privileged": False, "runAsUser": 0}


def test_the_defaults_hold_no_value_that_means_another():
    assert normalized(DEFAULTS) == DEFAULTS


def test_a_set_is_united():
    shape = POD_TEMPLATE.under("metadata").under("finalizers")
    assert merged(["a", "b"], ["b", "c"], shape) == ["a", "b", "c"]
