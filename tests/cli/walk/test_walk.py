"""docs/walk.md: the way of a new user, with everything in it that goes wrong.

Every command of the page runs on a cluster of `make run`, in order, and shows what the page says.
WALK=write writes what they show into the page instead.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local import build
from tests.cli.walk.page import Step, pieces, settled, written
from tests.deploy.test_command_line import ROOT
from tests.deploy.test_run import running
from tests.eventually import eventually

HERE = Path(__file__).parent
PAGE = ROOT / "docs" / "walk.md"
WRITES = os.environ.get("WALK") == "write"


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    """Runs a command as a user would in a directory with the manifests of the page."""
    directory = tmp_path_factory.mktemp("walk")
    home = directory / ".local"
    for manifest in HERE.glob("*.yaml"):
        (directory / manifest.name).write_text(manifest.read_text())
    programs = [Path(sys.executable).parent, build.files("kubectl")["kubectl"].parent]
    variables = {
        "PATH": ":".join([*map(str, programs), os.environ["PATH"]]),
        "KUBECONFIG": str(home / "kubeconfig"),
        "HOME": str(directory),
        "NO_COLOR": "1",
        "COLUMNS": "120",
    }

    def run(command):
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=directory,
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.stdout

    start = [sys.executable, str(HERE / "run.py")]
    with running(f"--directory={home}", program=start, paths=[str(HERE / "bug"), str(ROOT)]) as _:
        yield run


def test_every_command_of_the_walk_shows_what_the_page_says(shell):
    page, outputs = PAGE.read_text(), {}
    steps = [piece for piece in pieces(page) if isinstance(piece, Step)]
    assert len(steps) > 10
    for number, step in enumerate(steps):
        if WRITES:
            outputs[number] = lasting(shell, step.command)
        else:
            shows(shell, step)
    if WRITES:
        PAGE.write_text(written(page, outputs))


def shows(shell, step):
    def looked():
        assert settled(shell(step.command)) == settled(step.output), step.command
        return True

    eventually(looked, within=60.0 if step.command.startswith("kubectl falco ") else 0.0)


def lasting(shell, command):
    """The output once it no longer changes; a change of the cluster is made once."""
    if not command.startswith("kubectl falco "):
        return shell(command)
    seen = []

    def same():
        seen.append(shell(command))
        return len(seen) > 20 and len({settled(one) for one in seen[-20:]}) == 1

    eventually(same, within=120.0)
    return seen[-1]
