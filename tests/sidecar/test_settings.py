"""The sidecar's flags."""

from pathlib import Path

import pytest

from resources.falco.pod import pod_template
from sidecar.settings import parse
from tests.resources.falco.test_pod import SETTINGS

IDENTITY = dict.fromkeys(("POD_NAMESPACE", "POD_NAME", "POD_UID", "NODE_NAME"), "x")


@pytest.mark.parametrize("workload", ["DaemonSet", "Deployment"])
def test_in_its_pod_the_dump_goes_to_a_volume_that_the_sidecar_may_write(workload):
    spec = pod_template(SETTINGS._replace(workload=workload))["spec"]
    (sidecar,) = spec["initContainers"]
    assert sidecar["securityContext"]["readOnlyRootFilesystem"]
    settings = parse(sidecar["args"], IDENTITY)
    mounts = {Path(mount["mountPath"]): mount for mount in sidecar["volumeMounts"]}
    mount = mounts[settings.process.exposed.dump_directory]
    assert not mount.get("readOnly")
    (volume,) = (volume for volume in spec["volumes"] if volume["name"] == mount["name"])
    assert "emptyDir" in volume


@pytest.mark.parametrize(("flags", "deadline"), [([], 30.0), (["--load-deadline=45s"], 45.0)])
def test_falco_has_its_time_to_load(flags, deadline):
    assert parse(flags, IDENTITY).load_deadline == deadline


@pytest.mark.parametrize("text", ["0", "0.9s", "soon"])
def test_a_deadline_that_no_falco_could_keep_is_refused(text, capsys):
    with pytest.raises(SystemExit):
        parse([f"--load-deadline={text}"], IDENTITY)
    assert f"argument --load-deadline: '{text}'" in capsys.readouterr().err


@pytest.mark.parametrize(("flags", "window"), [([], 120.0), (["--pull-window=0"], 0.0)])
def test_pulls_are_spread_unless_that_is_turned_off(flags, window):
    assert parse(flags, IDENTITY).pull_window == window
