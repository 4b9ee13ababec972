"""Nothing of an enclosure is left on the machine, however it ends."""

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from deploy.local.node import enclosure
from tests.eventually import eventually

pytestmark = pytest.mark.node

ROOT = Path(__file__).parents[2]
RUN = "import sys; from deploy.local.node import enclosure; sys.exit(enclosure.run(sys.argv[1:]))"
# Processes that nobody waits for, a mount, an interface, a cgroup, files below /usr and /etc.
BUSY = """
sleep 1000 & (setsid sleep 1000 &) ; mount -t tmpfs tmpfs /mnt; ip link add type veth
for hierarchy in /sys/fs/cgroup/*/; do mkdir -p "$hierarchy/busy" || true; done
touch /usr/busy /etc/busy /opt/busy; echo 9 > /proc/sys/kernel/panic
"""


@pytest.fixture(autouse=True)
def needs_an_enclosure():
    if not enclosure.is_inside():
        pytest.skip("only `make e2e-node` may change namespaces")


def start(script):
    return subprocess.Popen(
        [sys.executable, "-c", RUN, "sh", "-c", script],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def machine():
    """What an enclosure could leave behind, but for its cgroups and namespaces."""
    return {
        *Path("/proc/self/mounts").read_text().splitlines(),
        *Path("/sys/class/net").iterdir(),
        *(path for path in map(Path, ("/usr/busy", "/etc/busy", "/opt/busy")) if path.exists()),
        f"panic {Path('/proc/sys/kernel/panic').read_text()}",
    }


def cgroups():
    return [folder for parent in enclosure.hierarchies() for folder in parent.glob("falco-*")]


def namespaces():
    """Every namespace that a process is in."""
    found = set()
    for process in psutil.process_iter():
        for kind in ("mnt", "net", "pid", "cgroup"):
            try:
                found.add(Path(f"/proc/{process.pid}/ns/{kind}").readlink())
            except OSError:  # it has ended
                continue
    return found


def test_the_command_has_its_own_processes_network_and_cgroups_and_gives_its_exit_code():
    script = "echo $$ $(ls /proc | grep -c '^[0-9]') $(ls /sys/class/net); exit 7"
    with start(script) as run:
        pid, processes, *interfaces = run.communicate(timeout=60)[0].split()
    assert (run.returncode, int(pid) < 100, int(processes) < 10) == (7, True, True)
    assert sorted(interfaces) == ["lo", "node0"]


@pytest.mark.parametrize("end", ["by itself", signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_but_cgroups_of_a_killed_run_which_the_next_removes(end):
    before, before_namespaces = machine(), namespaces()
    with start(f"{BUSY}echo up; read line") as run:
        assert run.stdout.readline() == "up\n"
        inside = psutil.Process(run.pid).children(recursive=True)
        if end == "by itself":
            run.stdin.close()
        else:
            run.send_signal(end)
        run.wait(timeout=60)
    assert psutil.wait_procs(inside, timeout=60)[1] == []
    assert machine() <= before
    eventually(lambda: namespaces() <= before_namespaces, within=60)
    if end == signal.SIGKILL:
        with start("exit 0") as following:
            following.wait(timeout=60)
    assert cgroups() == []
