import os
import shutil
import stat
import subprocess

import pytest

from resources.falco.desired import FalcoSettings, desired
from resources.falco.exact_check import ANNOTATION, ExactCheck, copy_container, way_of
from resources.falco.spec import Falco, FalcoSpec
from resources.instance.image import parse_image
from resources.kubernetes.invalid_spec import InvalidSpec
from resources.kubernetes.meta import ObjectMeta

OFFICIAL = "docker.io/falcosecurity/falco:0.44.1"


def way(setting, image=OFFICIAL, annotation=None):
    annotations = {ANNOTATION: annotation} if annotation is not None else None
    return way_of(ExactCheck(setting), annotations, parse_image(image, "image"))


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (OFFICIAL, "copy"),
        ("falcosecurity/falco", "copy"),
        ("mirror.example.com:5000/a/falcosecurity/falco:0.44.1@sha256:" + "0" * 64, "copy"),
        ("mirror.example.com:5000/a/falcosecurity/falco@sha256:" + "0" * 64, "off"),
        ("docker.io/falcosecurity/falco:0.44.1-debian", "copy"),
        ("docker.io/falcosecurity/falco:0.38.0-distroless", "off"),
        ("docker.io/falcosecurity/falco-distroless:0.38.0", "off"),
        ("docker.io/notfalcosecurity/falco:0.44.1", "off"),
        ("example.com/falco:0.44.1", "off"),
    ],
)
def test_auto_copies_from_official_images_only(image, expected):
    assert way("auto", image) == expected
    assert way("copy", image) == "copy"
    assert way("off", image) == "off"


@pytest.mark.parametrize("setting", [*ExactCheck])
def test_the_annotation_of_a_falco_wins(setting):
    for value in ("copy", "image-volume", "off"):
        assert way(setting, annotation=value) == value
    assert way(setting, annotation="auto") == "copy"


def test_another_value_is_a_spec_that_cannot_be_carried_out():
    meta = ObjectMeta(name="falco", namespace="ns", uid="u", annotations={ANNOTATION: "yes"})
    with pytest.raises(InvalidSpec, match="auto, copy, image-volume, off"):
        desired(Falco(metadata=meta), FalcoSettings())


def run_copy(root, seconds=60):
    """Run the command of the init container, with its paths below `root`."""
    *command, script = copy_container(OFFICIAL, "", seconds, {}, {})["command"]
    script = script.replace("/falco-image", f"{root}/to").replace(" /usr/", f" {root}/usr/")
    script = script.replace("find / ", f"find {root} ")
    return subprocess.run([*command, script], capture_output=True, check=False).returncode


@pytest.fixture
def image(tmp_path):
    """A directory with a program at the place of Falco's, which is linked as most are."""
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "usr/lib/dir.so").mkdir(parents=True)
    (tmp_path / "usr/lib/one.so.1").write_bytes(b"")
    shutil.copy(os.path.realpath("/bin/sh"), tmp_path / "usr/bin/falco")
    return tmp_path


def test_the_copy_runs_with_its_own_libraries(image):
    assert run_copy(image) == 0
    program = image / "to/usr/bin/falco"
    assert program.stat().st_mode & stat.S_IXOTH
    assert (image / "to/libraries").read_text() == f"{image}/usr/lib/one.so.1\n"
    [loader] = (image / "to/usr/lib").glob("ld-*.so.*")
    command = [loader, "--library-path", image / "to/usr/lib", program, "-c", "echo runs"]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"runs\n"


def test_what_would_get_the_pod_evicted_is_not_copied(image):
    with (image / "usr/bin/falco").open("ab") as program:
        program.write(bytes(250 << 20))
    assert run_copy(image) == 0
    assert not (image / "to").exists()


@pytest.mark.parametrize("without", ["the program", "a directory", "commands", "an end"])
def test_whatever_it_finds_the_init_container_succeeds(image, monkeypatch, without):
    falco = image / "usr/bin/falco"
    if without == "the program":
        falco.unlink()
    elif without == "a directory":
        (image / "to").write_text("")  # as root may write whatever the mode
    elif without == "commands":
        monkeypatch.setenv("PATH", "/nonexistent")
    else:
        falco.unlink()
        os.mkfifo(falco)  # which nobody writes to
    assert run_copy(image, seconds=1) == 0
    assert not (image / "to/usr/bin/falco").exists()


@pytest.mark.parametrize(
    ("own", "is_whole"),
    [
        ({}, True),
        ({"env": [{"name": "A", "value": "b"}]}, True),
        ({"volumeMounts": [{"name": "v", "mountPath": "/opt"}]}, False),
        ({"command": ["/bin/sh"]}, False),
        ({"args": ["/usr/bin/falco", "-A"]}, False),
        ({"lifecycle": {"postStart": {"exec": {"command": ["x"]}}}}, False),
    ],
)
def test_the_sidecar_is_told_whether_the_template_may_give_falco_other_libraries(own, is_whole):
    template = {"spec": {"containers": [{"name": "falco", **own}]}}
    meta = ObjectMeta(name="falco", namespace="ns", uid="u")
    resource = Falco(metadata=meta, spec=FalcoSpec(pod_template_spec=template))
    [workload] = [
        child for child in desired(resource, FalcoSettings()) if child.ref.kind == "DaemonSet"
    ]
    sidecar = workload.body["spec"]["template"]["spec"]["initContainers"][-1]
    assert ("--only-image-libraries" in sidecar["args"]) is is_whole


def test_the_image_is_had_as_falcos_own_container_has_it():
    container = {"name": "falco", "image": OFFICIAL, "imagePullPolicy": "Never"}
    template = {"spec": {"containers": [container]}}
    for setting in ("copy", "image-volume"):
        meta = ObjectMeta(name="falco", namespace="ns", uid="u", annotations={ANNOTATION: setting})
        resource = Falco(metadata=meta, spec=FalcoSpec(pod_template_spec=template))
        [workload] = [
            child for child in desired(resource, FalcoSettings()) if child.ref.kind == "DaemonSet"
        ]
        spec = workload.body["spec"]["template"]["spec"]
        if setting == "copy":
            assert spec["initContainers"][0]["imagePullPolicy"] == "Never"
        else:
            [volume] = [volume for volume in spec["volumes"] if volume["name"] == "falco-program"]
            assert volume["image"] == {"reference": OFFICIAL, "pullPolicy": "Never"}
