"""A child process is ready when started, says why when not, and is gone when it has to be."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from deploy.local.process import (
    PortTakenError,
    Process,
    ProcessError,
    environment,
    free_port,
    start_on_free_port,
    wait_until,
)

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 30

SERVER = """
import socket, sys, time
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("here I am", flush=True)
time.sleep(3600)
"""
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
print("here I am", flush=True)
time.sleep(3600)
"""
LEAVES_A_CHILD = """
import subprocess, sys
left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
print(left.pid, flush=True)
sys.exit(7)
"""


def python(code: str, directory: Path, *arguments: object, **settings: Any) -> Process:
    process = Process(
        "the child",
        [sys.executable, "-c", code, *map(str, arguments)],
        log=directory / "child.log",
        environment=environment(directory),
        ready=lambda: process.logged("here I am"),
        **settings,
    )
    return process


def family(process: Process) -> list[psutil.Process]:
    """The guard, the child, and what the child has started."""
    child = psutil.Process(process.pid)
    guard = child.parent()
    assert guard is not None
    return [guard, *guard.children(recursive=True)]


def assert_gone(processes: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=PATIENCE_SECONDS)
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


def test_a_started_process_is_ready_and_a_stopped_one_is_gone(tmp_path):
    process = python(SERVER, tmp_path, free_port())
    process.start()
    assert process.logged("here I am")
    processes = family(process)
    process.stop()
    assert not process.running
    assert process.exit_code == 128 + signal.SIGTERM
    assert_gone(processes)


def test_a_process_that_ignores_sigterm_is_killed_with_its_children(tmp_path):
    process = python(STUBBORN, tmp_path, stop_within=0.1)
    process.start()
    processes = family(process)
    assert len(processes) == 3
    process.stop()
    assert process.exit_code == 128 + signal.SIGKILL
    assert_gone(processes)


def test_a_killed_process_gets_no_chance_to_clean_up(tmp_path):
    process = python(STUBBORN, tmp_path, stop_within=3600)
    process.start()
    processes = family(process)
    process.kill()
    assert process.exit_code == 128 + signal.SIGKILL
    assert_gone(processes)


def test_what_a_process_leaves_behind_when_it_ends_is_killed(tmp_path):
    process = python(LEAVES_A_CHILD, tmp_path)
    process.launch()
    assert process.wait(PATIENCE_SECONDS)
    assert process.exit_code == 7
    left = int(process.log.read_text())
    assert_gone([one for one in psutil.process_iter() if one.pid == left])
    process.stop()


def test_a_process_that_ends_before_it_is_ready_says_so_with_its_last_words(tmp_path):
    process = python("import sys; sys.stderr.write('out of cheese'); sys.exit(1)", tmp_path)
    with pytest.raises(ProcessError, match=r"ended before the child is ready(?s:.*)out of cheese"):
        process.start()
    assert not process.running


def test_a_process_that_does_not_get_ready_in_time_is_stopped(tmp_path):
    process = python("import time; time.sleep(3600)", tmp_path, start_within=0)
    with pytest.raises(ProcessError, match="still not true that the child is ready"):
        process.start()
    assert not process.running


def test_a_program_that_does_not_exist_is_named(tmp_path):
    process = Process("ghost", [tmp_path / "ghost"], log=tmp_path / "log", environment={})
    with pytest.raises(ProcessError, match=r"ghost could not be started(?s:.*)No such file"):
        process.start()


def test_a_restarted_process_has_the_same_port_and_another_id(tmp_path):
    port = free_port()
    process = python(SERVER, tmp_path, port)
    process.start()
    before = process.pid
    process.restart()
    assert process.pid != before
    socket.create_connection(("127.0.0.1", port)).close()
    process.stop()


def test_a_process_can_be_started_again_after_it_ended_by_itself(tmp_path):
    process = python(SERVER, tmp_path, free_port())
    process.start()
    psutil.Process(process.pid).kill()
    assert process.wait(PATIENCE_SECONDS)
    process.start()
    assert process.running
    process.stop()


def test_a_process_that_runs_is_not_started_twice(tmp_path):
    process = python(SERVER, tmp_path, free_port())
    process.start()
    with pytest.raises(ProcessError, match="runs already"):
        process.start()
    assert process.running
    process.stop()


def test_a_port_that_somebody_else_took_first_is_replaced_by_another(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as occupied:
        taken = occupied.getsockname()[1]
        tried: list[int] = []

        def make(port: int) -> Process:
            tried.append(port)
            return python(SERVER, tmp_path, taken if len(tried) == 1 else port)

        process, port = start_on_free_port(make)
    assert tried[-1] == port
    assert len(tried) == 2
    process.stop()


def test_a_port_that_stays_taken_is_an_error(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as occupied:
        taken = occupied.getsockname()[1]
        with pytest.raises(PortTakenError):
            start_on_free_port(lambda _: python(SERVER, tmp_path, taken))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="PR_SET_PDEATHSIG is Linux'")
def test_a_child_dies_even_with_a_killed_guard(tmp_path):
    process = python(SERVER, tmp_path, free_port())
    process.start()
    guard, child = family(process)
    guard.kill()
    assert_gone([child])
    process.stop()


def test_a_wait_without_processes_ends_in_an_error_as_well():
    with pytest.raises(ProcessError, match="pigs fly"):
        wait_until(lambda: False, "pigs fly", 0)


def test_children_see_nothing_of_the_users_configuration(monkeypatch, tmp_path):
    for name in ("KUBECONFIG", "ETCD_DATA_DIR", "REGISTRY_HTTP_ADDR", "KWOK_WORKDIR", "GOFLAGS"):
        monkeypatch.setenv(name, "surprise")
    assert "surprise" not in environment(tmp_path).values()
    assert environment(tmp_path)["HOME"] == str(tmp_path)


PARENT = """
import sys, time
from pathlib import Path
from deploy.local.process import Process
child = Process("child", [sys.executable, "-c", sys.argv[2]], log=Path(sys.argv[1]), environment={})
child.launch()
print(child.pid, flush=True)
time.sleep(3600)
"""


def test_a_stubborn_child_does_not_survive_a_killed_parent(tmp_path):
    command = [sys.executable, "-c", PARENT, tmp_path / "log", STUBBORN]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        wait_until(lambda: len(child.children()) == 1, "it has a child too", PATIENCE_SECONDS)
        descendants = psutil.Process(parent.pid).children(recursive=True)
        assert len(descendants) == 3
        parent.kill()
    assert_gone(descendants)
