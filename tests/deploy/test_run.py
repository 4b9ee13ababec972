"""`make run`: from nothing to an Available Falco, and to nothing again."""

from __future__ import annotations

import re
import signal
import subprocess
from contextlib import contextmanager
from urllib.request import urlopen

import psutil
import pytest

from deploy.local.table import render
from tests.deploy.test_command_line import LOCAL, PATIENCE_SECONDS, ROOT, environment


@contextmanager
def running(*arguments):
    """What `make run` has printed when it is up; it ends in good order on Ctrl-C thereafter."""
    run = subprocess.Popen(
        [*LOCAL, "run", *arguments],
        cwd=ROOT,
        env={**environment(), "KUBECONFIG": ""},
        stdout=subprocess.PIPE,
        text=True,
    )
    with run:
        assert run.stdout is not None
        said: list[str] = []
        while "Ctrl-C" not in (line := run.stdout.readline()):
            assert line, "".join(said)
            said.append(line)
        children = psutil.Process(run.pid).children(recursive=True)
        try:
            yield "".join(said)
        finally:
            run.send_signal(signal.SIGINT)
            code = run.wait(PATIENCE_SECONDS)
            left = psutil.wait_procs(children, timeout=PATIENCE_SECONDS)[1]
    assert code == 0
    assert not left


def test_run_shows_a_falco_until_it_is_available_and_where_to_look(tmp_path):
    with running(f"--directory={tmp_path}") as said:
        assert re.search(r"default/falco +DaemonSet +0\.44\.1 +3/3 +True +True", said)
        assert f"export KUBECONFIG={tmp_path}/kubeconfig" in said
        for name, path in (("Metrics", "/metrics"), ("Actors", "actors?pretty")):
            url = re.search(rf"{name}: +(\S+{re.escape(path)})", said)
            assert url, said
            with urlopen(url[1], timeout=10) as response:
                assert b"falco" in response.read().lower()


def test_run_uses_the_cluster_of_a_kubeconfig_and_takes_its_example_away_again(
    control_plane, tmp_path
):
    arguments = (f"--directory={tmp_path}", f"--kubeconfig={control_plane.kubeconfig}")
    with running(*arguments) as said:
        assert str(control_plane.kubeconfig) in said
        assert control_plane.kubectl("get", "falco", "falco", "--output=name").stdout
    left = control_plane.kubectl("get", "falcos,clusterroles", "--all-namespaces", "--output=name")
    assert "falco--default" not in left.stdout
    assert "falco.instance" not in left.stdout


FALCO = {
    "metadata": {"namespace": "ns", "name": "falco", "generation": 1},
    "status": {
        "resourceType": "DaemonSet",
        "conditions": [
            {
                "type": "Reconciled",
                "status": "False",
                "message": "Service ns/falco: is not ours",
                "observedGeneration": 1,
            }
        ],
    },
}


@pytest.mark.parametrize(
    ("falco", "shown"),
    [
        (
            FALCO,
            ["ns/falco", "DaemonSet", "-/-", "False", "Unknown", "Service ns/falco: is not ours"],
        ),
        ({"metadata": FALCO["metadata"]}, ["ns/falco", "-", "-/-", "Unknown"]),
    ],
)
def test_the_table_shows_what_is_known_and_what_is_wrong(falco, shown):
    row = render([falco], []).splitlines()[1]
    assert all(word in row for word in shown)
