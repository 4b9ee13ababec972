"""The image holds the two programs and what they import, and they run where nothing is theirs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path
from urllib.request import urlopen

import pytest
import yaml

from deploy.generate import OPERATOR, ROOT
from deploy.local.process import Process, environment
from resources.node.files import Directory
from supervisors.process.settings import VERSION
from tests.deploy.charts import at, rendered
from tests.deploy.dockerfile import Shell, ignored, stages
from tests.operator_process import operator_kubeconfig

PROGRAMS = ("falco-operator", "artifact-operator")
NOBODY = 65532
BUILD, FINAL = stages((ROOT / "Dockerfile").read_text())


def nobody():
    """What makes a program run as the user of the image; root has to, for it may write anywhere.

    Without a change of user, what a program may not write is what has no write permission. Who
    becomes nobody may have to be let read everything: Python can be in the home of root.
    """
    if os.geteuid() != 0:
        return []
    become = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    prefix = Path(sys.base_prefix)
    if all(folder.stat().st_mode & 0o005 == 0o005 for folder in (prefix, *prefix.parents)):
        return become
    read = "dac_read_search"
    sets = ("--inh-caps", "--bounding-set")
    return [*become, *(f"{one}=-all,+{read}" for one in sets), f"--ambient-caps=+{read}"]


BECOME = nobody()


def arguments(stage, name):
    """What all the instructions of a name say."""
    return [one.arguments for one in stage if one.name == name]


@pytest.fixture(scope="module")
def image():
    """What the build stage leaves behind, outside the repository, where nobody may write."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        root.chmod(0o755)
        subprocess.run([sys.executable, "-m", "venv", root / "builder"], check=True)
        folders = {"/opt/falco-operator": root / "venv", "/src": root / "src"}
        Shell(ROOT, folders, root / "builder/bin").run(BUILD)
        subprocess.run(["chmod", "-R", "a-w,a+rX", root], check=True)
        yield root
        subprocess.run(["chmod", "-R", "u+w", root], check=True)


@pytest.fixture
def home():
    """A folder that is theirs, in place of /tmp in the pod."""
    with tempfile.TemporaryDirectory() as directory:
        own(Path(directory))
        yield Path(directory)


def own(path):
    """Let the programs have it."""
    if BECOME:
        shutil.chown(path, NOBODY, NOBODY)


def contents(directory):
    """Every file with its time and size."""
    return {
        path: (path.stat().st_mtime_ns, path.stat().st_size)
        for path in directory.rglob("*")
        if path.is_file()
    }


def packages(lock):
    """Name and version of what is pinned, with its hashes."""
    text = (ROOT / lock).read_text()
    return {
        name: re.findall(r"sha256:[0-9a-f]{64}", rest)
        for name, rest in re.findall(
            r"^([^\s#]+==\S+)(.*?)(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL
        )
    }


def test_the_wheel_holds_our_four_packages_and_nothing_else(image):
    [wheel] = (image / "src/dist").iterdir()
    with zipfile.ZipFile(wheel) as archive:
        folders = {name.partition("/")[0] for name in archive.namelist()}
        modules = [name for name in archive.namelist() if name.endswith(".py")]
        page = {Path(name).name for name in archive.namelist() if "/debug/web/" in name}
    packed = {"actors", "cli", "resources", "sidecar", "supervisors"}
    assert folders == packed | {f"falco_operator-{VERSION}.dist-info"}
    assert len(modules) == sum(len([*(ROOT / name).rglob("*.py")]) for name in packed)
    assert page == {path.name for path in (ROOT / "supervisors/debug/web").iterdir()}


def test_only_what_runs_is_installed_and_all_of_it_is_compiled(image):
    [site] = (image / "venv/lib").glob("*/site-packages")
    installed = {path.name.partition("-")[0].lower() for path in site.glob("*.dist-info")}
    pinned = {name.partition("==")[0].replace("-", "_") for name in packages("requirements.lock")}
    assert installed == pinned | {"falco_operator"}
    compiled = list(site.rglob("*.pyc"))
    assert len(compiled) == len(list(site.rglob("*.py")))
    # Flags 0b01: by hash, and never checked against the source.
    assert {path.read_bytes()[4:8] for path in compiled} == {b"\1\0\0\0"}


@pytest.mark.parametrize("program", PROGRAMS)
def test_both_programs_run_without_a_right_to_write(image, home, program):
    before = contents(image / "venv")
    said = subprocess.run(
        [*BECOME, image / "venv/bin" / program, "--version"],
        cwd="/",
        env=environment(home),
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == f"{program} {VERSION}\n"
    assert contents(image / "venv") == before
    assert contents(home) == {}


def run_until_ready(image, home, program, flags, **variables):
    """The program becomes ready by itself, ends in good order, and has changed none of its files.

    The log is opened for it, as a container's standard output is.
    """
    before = contents(image / "venv")
    with tempfile.NamedTemporaryFile() as log:
        process = Process(
            program,
            [*BECOME, image / "venv/bin" / program, *flags],
            log=Path(log.name),
            environment={**environment(home), "TMPDIR": str(home), **variables},
            ready=lambda: is_ready(process),
        )
        try:
            process.start()
        finally:
            process.stop()
        assert process.exit_code == 0
    assert contents(image / "venv") == before


def is_ready(process):
    found = re.search(r"HealthServer listens on (\S+:\d+)", process.log.read_text())
    if found is None:
        return False
    try:
        with urlopen(f"http://{found[1]}/readyz", timeout=60) as answer:
            return answer.status == 200
    except OSError:
        return False


def test_the_operator_as_the_chart_runs_it_becomes_ready_without_a_right_to_write(
    cluster, image, home
):
    kubeconfig = operator_kubeconfig(cluster, home)
    for path in (kubeconfig, kubeconfig.with_name(f"{kubeconfig.name}.token")):
        own(path)
    container = at(rendered(), "Deployment/spec/template/spec/containers/0")
    addresses = [
        f"--{one}-bind-address=127.0.0.1:0" for one in ("metrics", "health-probe", "debug")
    ]
    said = {one["name"]: one["value"] for one in container["env"] if "value" in one}
    pod = {"POD_NAME": "operator-0", "POD_NAMESPACE": OPERATOR, "KUBECONFIG": str(kubeconfig)}
    [program], flags = container["command"], [*container["args"], *addresses]
    run_until_ready(image, home, program, flags, **said, **pod)


NOWHERE = {
    "current-context": "nowhere",
    "contexts": [{"name": "nowhere", "context": {"cluster": "nowhere", "user": "nobody"}}],
    "clusters": [{"name": "nowhere", "cluster": {"server": "http://127.0.0.1:1"}}],
    "users": [{"name": "nobody", "user": {"token": "none"}}],
}


def test_the_sidecar_becomes_ready_with_no_right_to_write_but_in_its_volumes(image, home):
    kubeconfig = home / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(NOWHERE))
    for place in Directory:
        (home / place.value).mkdir(parents=True)
        own(home / place.value)
    own(kubeconfig)
    addresses = [
        f"--{one}-bind-address=127.0.0.1:0" for one in ("metrics", "health-probe", "debug")
    ]
    flags = [f"--volume-root={home}", "--gate-deadline=0s", *addresses]
    pod = {"POD_NAME": "pod", "POD_NAMESPACE": "default", "POD_UID": "uid", "NODE_NAME": "node"}
    run_until_ready(image, home, "artifact-operator", flags, **pod, KUBECONFIG=str(kubeconfig))


def test_the_image_runs_as_nobody_and_starts_the_operator():
    assert arguments(FINAL, "USER") == [f"{NOBODY}:{NOBODY}"]
    assert arguments(FINAL, "CMD") == ['["falco-operator"]']
    assert not arguments(FINAL, "ENTRYPOINT")
    assert [one.name for one in FINAL].index("USER") > [one.name for one in FINAL].index("COPY")


def test_both_stages_are_of_the_same_base_which_a_build_may_choose():
    assert arguments(BUILD, "FROM") == ["${PYTHON} AS build"]
    assert arguments(FINAL, "FROM") == ["${PYTHON}"]
    assert arguments(FINAL, "COPY") == ["--from=build /opt/falco-operator /opt/falco-operator"]


def test_everything_from_elsewhere_is_pinned_by_hash():
    assert not arguments(BUILD, "ADD") + arguments(FINAL, "ADD")
    commands = " && ".join(arguments(BUILD, "RUN"))
    installs = [one for one in commands.split("&&") if re.search(r"\bpip\b.* install ", one)]
    assert len(installs) == 3
    assert all("--require-hashes" in one or "--no-index" in one for one in installs)
    assert all("pip" not in one for one in arguments(FINAL, "RUN"))


def test_the_labels_are_those_of_the_project():
    labels = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]*)"', str(FINAL)))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert labels["version"] == project["version"] == VERSION
    assert (labels["title"], labels["licenses"]) == (project["name"], project["license"])


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-build.lock"])
def test_what_is_locked_for_the_image_is_what_is_tested(lock):
    tested = packages("requirements-dev.lock")
    locked = packages(lock)
    assert locked
    assert all(locked.values())
    assert {name: tested.get(name) for name in locked} == locked


@pytest.mark.parametrize(
    ("path", "left_out"),
    [
        ("actors/runtime/actor.py", False),
        ("actors/__pycache__/actor.cpython-311.pyc", True),
        ("tests/conftest.py", True),
        ("crds/generate.py", True),
        (".git/config", True),
        ("pyproject.toml", False),
        ("requirements.lock", False),
        ("requirements-dev.lock", True),
    ],
)
def test_the_build_context_is_what_the_image_is_made_from(path, left_out):
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignored(path, [line for line in lines if line and line[0] != "#"]) == left_out
