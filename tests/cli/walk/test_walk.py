"""docs/walk.md: the way of a new user, with everything in it that goes wrong.

Every command of the page runs on a cluster of `make run`, in order, and shows what the page says.
WALK=write writes what they show into the page instead.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deploy.local import build
from tests.cli.walk.page import Step, pieces, settled, shows, written
from tests.deploy.test_command_line import ROOT
from tests.deploy.test_run import running
from tests.eventually import eventually

HERE = Path(__file__).parent
PAGE = ROOT / "docs" / "walk.md"
WRITES = os.environ.get("WALK") == "write"
SAME_SECONDS = 75.0
"""How long an output has to be the same before it counts as the last."""


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
        """What it writes, and its exit code in the last line if that is not 0."""
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=directory,
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.stdout + (f"exit code {done.returncode}\n" if done.returncode else "")

    start = [sys.executable, str(HERE / "run.py")]
    with running(f"--directory={home}", program=start, paths=(HERE / "bug", ROOT)) as said:
        found = re.search(r"Actors: +(http://[^/]+)", said)
        assert found, said
        variables["OPERATOR"] = found[1]
        yield run


def test_every_command_of_the_walk_shows_what_the_page_says(shell):
    page, outputs = PAGE.read_text(), []
    steps = [piece for piece in pieces(page) if isinstance(piece, Step)]
    assert len(steps) > 10
    for step in steps:
        if WRITES:
            outputs.append(lasting(shell, step))
        else:
            shown(shell, step)
    if WRITES:
        PAGE.write_text(written(page, outputs))


def shown(shell, step):
    """Fails if the page is not right in time; what changes the cluster is done once."""

    def looked():
        output = shell(step.command)
        assert shows(step.output, output), f"{step.command} shows\n{output}"
        return True

    eventually(looked, within=300.0 if step.only_asks else 0.0)


def lasting(shell, step):
    """The output once it no longer changes, or that of the page once it is right."""
    output, since = shell(step.command), time.monotonic()
    while step.only_asks and not shows(step.output, output):
        if time.monotonic() - since > SAME_SECONDS:
            break
        now = shell(step.command)
        if settled(now) != settled(output):
            output, since = now, time.monotonic()
    return step.output if shows(step.output, output) else output
