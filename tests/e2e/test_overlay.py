"""The template of a Falco over the default one, as the examples show it, on the live workload."""

DIGEST = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def names(items):
    return [item["name"] for item in items]


def unnamed(sidecar):
    """The same container, whatever the name of its Falco."""
    args = [flag for flag in sidecar["args"] if not flag.startswith("--falco-name=")]
    return sidecar | {"args": args}


def test_an_extra_container_runs_beside_falco(examples):
    default, live = examples.workload("quickstart"), examples.workload("falco-extra-container")
    assert names(live.pod["containers"]) == ["falco", "shipper"]
    assert live.containers["shipper"]["args"] == ["--from=/var/log/falco"]
    assert live.falco == default.falco


def test_resources_of_the_sidecar_are_merged_and_all_else_of_it_stays(examples):
    default, live = examples.workload("quickstart"), examples.workload("falco-sidecar-resources")
    sidecar = live.init_containers["artifact-operator"]
    assert sidecar["resources"] == {
        "requests": {"cpu": "100m", "memory": "64Mi"},
        "limits": {"memory": "512Mi"},
    }
    resources = {"resources": default.init_containers["artifact-operator"]["resources"]}
    assert unnamed(sidecar | resources) == unnamed(default.init_containers["artifact-operator"])


def test_a_variable_is_replaced_by_name_and_new_ones_come_after_the_defaults(examples):
    default, live = examples.workload("quickstart"), examples.workload("falco-env")
    assert live.falco["env"] == [
        {"name": "HOST_ROOT", "value": "/other-host"},
        *default.falco["env"][1:],
        {"name": "MORE", "value": "$(HOST_ROOT)/more"},
    ]


def test_arguments_are_replaced(examples):
    live = examples.workload("falco-args")
    assert live.falco["args"] == ["/usr/bin/falco", "-o", "json_output=true"]


def test_a_volume_is_replaced_by_name_and_stays_where_it_was_mounted(examples):
    default, live = examples.workload("quickstart"), examples.workload("falco-volume")
    assert live.volumes["root-falco-fs"] == {
        "name": "root-falco-fs",
        "hostPath": {"path": "/var/lib/falco", "type": ""},
    }
    assert live.volumes["docker-socket"]["hostPath"]["path"] == "/run/user/1000"
    assert sorted(names(live.pod["volumes"])) == sorted(names(default.pod["volumes"]))
    assert live.falco["volumeMounts"] == default.falco["volumeMounts"]


def test_tolerations_are_replaced(examples):
    assert examples.workload("falco-tolerations").pod["tolerations"] == [{"operator": "Exists"}]


def test_an_init_container_comes_after_the_sidecar_which_stays(examples):
    default, live = examples.workload("quickstart"), examples.workload("falco-init-container")
    listed = ["falco-program", "artifact-operator", "check-rules"]
    assert names(live.pod["initContainers"]) == listed
    sidecar = live.init_containers["artifact-operator"]
    assert unnamed(sidecar) == unnamed(default.init_containers["artifact-operator"])
    assert sidecar["restartPolicy"] == "Always"


def test_the_program_of_falco_comes_to_the_sidecar_by_copy_or_as_a_volume_of_its_image(examples):
    copied, mounted = examples.workload("quickstart"), examples.workload("falco-exact-check")
    assert names(copied.pod["initContainers"]) == ["falco-program", "artifact-operator"]
    assert copied.volumes["falco-program"]["emptyDir"] == {"sizeLimit": "256Mi"}
    assert names(mounted.pod["initContainers"]) == ["artifact-operator"]
    image = {"reference": mounted.falco["image"], "pullPolicy": "IfNotPresent"}
    assert mounted.volumes["falco-program"]["image"] == image
    for live in (copied, mounted):
        sidecar = live.init_containers["artifact-operator"]
        assert "--falco-image=/opt/falco-image" in sidecar["args"]
        program = {"name": "falco-program", "mountPath": "/opt/falco-image", "readOnly": True}
        assert program in sidecar["volumeMounts"]


def test_labels_and_annotations_of_the_template_are_kept_beside_those_of_the_selector(examples):
    live = examples.workload("falco-labels")
    name = "falco-labels"
    selector = {"app.kubernetes.io/name": name, "app.kubernetes.io/instance": name}
    assert live.spec["selector"]["matchLabels"] == selector
    assert (selector | {"team": "security", "tier": "node"}).items() <= live.metadata[
        "labels"
    ].items()
    assert live.metadata["annotations"]["example.com/contact"] == "security@example.com"
    assert len(live.metadata["annotations"]["instance.falcosecurity.dev/config-hash"]) == 64
    for child in examples.children(name).values():
        assert child["metadata"]["labels"]["team"] == "security"
        assert "tier" not in child["metadata"]["labels"]


def test_the_network_of_the_node_can_be_had(examples):
    live = examples.workload("falco-host-network")
    pod, sidecar = live.pod, live.init_containers["artifact-operator"]
    assert pod["hostNetwork"] is True
    assert pod["dnsPolicy"] == "ClusterFirstWithHostNet"
    ports = {port["name"]: port["containerPort"] for port in sidecar["ports"]}
    assert list(ports) == ["health"]
    probe = sidecar["startupProbe"]["httpGet"]
    assert (probe["host"], probe["port"]) == ("127.0.0.1", ports["health"])


def test_recreate_has_no_block_of_the_rolling_update(examples):
    assert examples.workload("falco-recreate").spec["strategy"] == {"type": "Recreate"}


def test_on_delete_has_no_block_of_the_rolling_update(examples):
    assert examples.workload("falco-on-delete").spec["updateStrategy"] == {"type": "OnDelete"}


def test_a_rolling_update_is_merged_over_the_default_one(examples):
    assert examples.workload("falco-rolling-update").spec["updateStrategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": 10, "maxSurge": 0},
    }


# The image that each runs, and the version that its status tells.
IMAGES = {
    "quickstart": ("docker.io/falcosecurity/falco:0.44.1", "0.44.1"),
    "falco-version": ("docker.io/falcosecurity/falco:0.43.0", "0.43.0"),
    "falco-image": ("registry.example.com:5000/security/falco:0.42.1", "0.42.1"),
    "falco-image-name": ("registry.example.com:5000/security/falco:0.43.1", "0.43.1"),
    "falco-image-digest": (f"docker.io/falcosecurity/falco@{DIGEST}", DIGEST),
    "falco-image-port-and-digest": (f"registry.example.com:5000/falco@{DIGEST}", DIGEST),
}


def test_an_image_and_its_version_are_what_the_status_says_that_runs(examples):
    for example, (image, version) in IMAGES.items():
        falco = examples.becomes(example, Reconciled="True", Available="True")
        assert falco["status"]["version"] == version
        assert examples.workload(example).falco["image"] == image
        images = {
            container["image"]
            for pod in examples.pods(falco["metadata"]["name"])
            for container in pod["spec"]["containers"]
        }
        assert images == {image}
        assert examples.workload(example).generation == 1
