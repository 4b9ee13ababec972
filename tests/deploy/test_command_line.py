"""`python -m deploy.local` runs a control plane until it is told to stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
LOCAL = [sys.executable, "-m", "deploy.local"]
PATIENCE_SECONDS = 60


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


def kubectl(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*LOCAL, "kubectl", *arguments]
    return subprocess.run(
        command, cwd=directory, env=environment(), capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_up_serves_kubectl_until_a_signal_and_leaves_nothing_running(tmp_path, number):
    up = subprocess.Popen(
        [*LOCAL, "up", "--nodes=1", "--registry"],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    with up:
        assert up.stdout is not None
        while "Ctrl-C" not in (line := up.stdout.readline()):
            assert line, "it ended"
        children = psutil.Process(up.pid).children(recursive=True)
        nodes = kubectl(tmp_path, "get", "nodes", "--output=name")
        assert nodes.stdout == "node/node-1\n", nodes.stderr
        up.send_signal(number)
        assert up.wait(PATIENCE_SECONDS) == 0
    assert not psutil.wait_procs(children, timeout=PATIENCE_SECONDS)[1]


def test_kubectl_without_a_control_plane_says_how_to_start_one(tmp_path):
    done = kubectl(tmp_path, "get", "nodes")
    assert done.returncode == 1
    assert done.stderr == "no control plane in .local: start one by `up`\n"
