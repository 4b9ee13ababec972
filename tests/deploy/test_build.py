"""Binaries are built once, whole or not at all, and it is said what is missing."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local import ToolchainError, build, toolchain
from deploy.local.pins import ETCD, KWOK_STAGES, NODE_ROWS, ROWS, TEST_ROWS, Row
from deploy.local.progress import Progress

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def no_assets(monkeypatch):
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)


def put_go(directory: Path, version: str) -> Path:
    """A `go` that says it is of that version."""
    facts = {"GOVERSION": version, "GOOS": "linux", "GOARCH": "amd64"}
    command = directory / "go"
    command.write_text(f"#!/bin/sh\ncat <<'end'\n{json.dumps(facts)}\nend\n")
    command.chmod(0o755)
    return directory


@pytest.mark.parametrize(
    "row", [*ROWS, *NODE_ROWS, *TEST_ROWS], ids=lambda row: row.binaries[0].name
)
def test_what_is_pinned_here_is_what_go_builds(row: Row):
    go_mod = (build.MODULES / row.name / "go.mod").read_text()
    required = re.findall(r"^\s*(?:require\s+)?(\S+) (v\S+)", go_mod, re.MULTILINE)
    assert (row.module, row.version) in required
    tools = set(re.findall(r"^\s*(?:tool\s+)?(\S+)$", go_mod, re.MULTILINE))
    assert {binary.package for binary in row.binaries} <= tools
    assert (build.MODULES / row.name / "go.sum").stat().st_size > 0


def test_what_is_in_the_cache_is_there_at_once(capsys):
    build.files("etcd", "kubectl", KWOK_STAGES)
    capsys.readouterr()
    paths = build.files("etcd", "kubectl", KWOK_STAGES)
    assert all(path.is_file() for path in paths.values())
    assert capsys.readouterr().err == ""


def test_the_stages_of_kwok_cover_nodes_and_pods():
    stages = build.files(KWOK_STAGES)[KWOK_STAGES].read_text()
    names = re.findall(r"^  name: (\S+)$", stages, re.MULTILINE)
    assert names == ["node-initialize", "node-heartbeat", "pod-ready", "pod-complete", "pod-delete"]


def test_another_toolchain_or_platform_has_another_cache_folder():
    go = toolchain.find()
    others = [
        toolchain.Go(go.command, "go9.99.0", go.platform),
        toolchain.Go(go.command, go.version, "plan9/mips"),
    ]
    assert len({build.folder(ETCD, one) for one in [go, *others]}) == 3


def test_assets_of_the_user_are_used_instead_where_they_are(monkeypatch, tmp_path):
    (tmp_path / "etcd").touch()
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    assert build.files("etcd")["etcd"] == tmp_path / "etcd"
    assert build.files("kubectl")["kubectl"].parent != tmp_path


def test_assets_need_no_go(monkeypatch, tmp_path):
    (tmp_path / "etcd").touch()
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    build.files("etcd")


def test_a_machine_without_go_is_told_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolchainError, match=r"no `go` on PATH: install Go 1\.26 or newer"):
        build.files("etcd")


@pytest.mark.parametrize("version", ["go1.25.4", "go1.9", "gibberish"])
def test_a_go_that_is_too_old_is_named_with_what_to_install(monkeypatch, tmp_path, version):
    monkeypatch.setenv("PATH", f"{put_go(tmp_path, version)}:/usr/bin:/bin")
    with pytest.raises(ToolchainError, match=rf"{version}: install Go 1\.26 or newer"):
        build.files("etcd")


@pytest.mark.parametrize("version", ["go1.26.0", "go1.30rc1", "go2.0", "devel go1.27-abcdef"])
def test_a_go_that_is_new_enough_is_taken(monkeypatch, tmp_path, version):
    monkeypatch.setenv("PATH", f"{put_go(tmp_path, version)}:/usr/bin:/bin")
    assert toolchain.find().version == version


def test_two_processes_that_need_the_same_binary_build_it_once(monkeypatch, tmp_path):
    go_cache = subprocess.run(["go", "env", "GOCACHE"], capture_output=True, text=True, check=True)
    monkeypatch.setenv("GOCACHE", go_cache.stdout.strip())  # else Go moves with XDG_CACHE_HOME
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    code = "from deploy.local import build; print(build.files('etcd')['etcd'])"
    command = [sys.executable, "-c", code]
    both = [
        subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    outputs = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    binary = Path(outputs[0][0].strip())
    assert outputs[1][0].strip() == str(binary)
    assert tmp_path in binary.parents
    version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True)
    assert ETCD.version.removeprefix("v") in version.stdout
    assert {path.name for path in binary.parent.iterdir()} == {"etcd", "etcd.log", "lock"}


def test_a_build_that_fails_says_what_go_said_and_leaves_no_binary(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("GOCACHE", "off")  # which Go refuses
    with pytest.raises(build.BuildError, match="GOCACHE"):
        build.files("etcd")
    assert not list(tmp_path.glob("**/etcd"))


def test_progress_counts_steps_and_says_how_long_it_may_take():
    now = 0.0
    stream = io.StringIO()
    progress = Progress(2, 100, stream, clock=lambda: now)
    progress.begin("etcd", 40)
    now = 10
    progress.tick()
    now = 45
    progress.tick()
    progress.end()
    progress.begin("kwok", 60)
    assert stream.getvalue().splitlines() == [
        "[1/2] etcd, about 0:40 if cold …",
        "[1/2] etcd … 0:45, in all 0:45 of about 1:40",
        "[1/2] etcd built in 0:45, in all 0:45 of about 1:40",
        "[2/2] kwok, about 1:00 if cold …",
    ]
