"""The init process of an enclosure: `python -m deploy.local.node.inside COMMAND …`.

It makes the file systems and the network of the node, runs the command, reaps every process that is
left to it, and ends with the command. What is written below `/etc`, `/opt`, `/run`, `/usr` and
`/var` is kept in memory and never reaches the machine; kernel settings of the whole machine that a
kubelet would change are covered by files.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from deploy.local.identities import NODE

NODE_ADDRESS = "172.30.0.1"
BRIDGE = "node0"

CGROUPS = Path("/sys/fs/cgroup")
MEMORY = Path("/run/node")
# A kubelet makes directories for host paths that are missing.
KEPT_IN_MEMORY = ("/etc", "/lib", "/opt", "/usr", "/var")

# kubelet: pkg/util/sysctl; they belong to the machine, not to a namespace.
KERNEL_SETTINGS = {
    "kernel/keys/root_maxbytes": "25000000",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
}


def main(command: list[str]) -> int:
    """Prepare the enclosure, run the command and return its exit code."""
    _mounts()
    _network()
    child = os.posix_spawnp(command[0], command, os.environ)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: os.kill(child, number))
    signal.signal(signal.SIGINT, lambda *_: None)  # a terminal sends it to the command, too
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _mounts() -> None:
    _run("mount", "--make-rprivate", "/")
    _run("mount", "-t", "proc", "proc", "/proc")
    _run("mount", "-t", "sysfs", "sysfs", "/sys")
    _cgroups()
    _run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    for path in KEPT_IN_MEMORY:
        if Path(path).is_dir() and not Path(path).is_symlink():
            upper, work = MEMORY / "upper" / path[1:], MEMORY / "work" / path[1:]
            upper.mkdir(parents=True)
            work.mkdir(parents=True)
            options = f"lowerdir={path},upperdir={upper},workdir={work}"
            _run("mount", "-t", "overlay", "-o", options, "overlay", path)
    for setting, value in KERNEL_SETTINGS.items():
        covered, cover = Path("/proc/sys") / setting, MEMORY / setting.replace("/", ".")
        if covered.exists():
            cover.write_text(f"{value}\n")
            _run("mount", "--bind", cover, covered)
    _run("mount", "--make-rshared", "/")  # a kubelet's mounts have to reach its containers


def _cgroups() -> None:
    """Mount the hierarchies that this process is in, as its cgroup namespace shows them."""
    entries = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    groups = [controllers for _, controllers, _ in entries if controllers]
    if not groups:
        _run("mount", "-t", "cgroup2", "cgroup2", CGROUPS)
        _delegate()
        return
    _run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", CGROUPS)
    for controllers in groups:
        name = controllers.removeprefix("name=")
        (CGROUPS / name).mkdir()
        _run("mount", "-t", "cgroup", "-o", controllers, "cgroup", CGROUPS / name)
        for single in name.split(",") if "," in name else ():
            (CGROUPS / single).symlink_to(name)


def _delegate() -> None:
    """Leave the topmost cgroup of version 2, so that its controllers can be used below it."""
    own = CGROUPS / "init"
    own.mkdir()
    (own / "cgroup.procs").write_text(str(os.getpid()))
    for controller in (CGROUPS / "cgroup.controllers").read_text().split():
        (CGROUPS / "cgroup.subtree_control").write_text(f"+{controller}")


def _network() -> None:
    """A bridge has the node's address. The default route leads to it, so nothing leaves."""
    _run("hostname", NODE)
    _run("ip", "link", "set", "lo", "up")
    _run("ip", "link", "add", BRIDGE, "type", "bridge")
    _run("ip", "address", "add", f"{NODE_ADDRESS}/24", "dev", BRIDGE)
    _run("ip", "link", "set", BRIDGE, "up")
    _run("ip", "route", "add", "default", "dev", BRIDGE)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    _write("/etc/hosts", f"127.0.0.1 localhost\n{NODE_ADDRESS} {NODE}\n")
    _write("/etc/resolv.conf", "")  # no question reaches a server


def _write(path: str, content: str) -> None:
    Path(path).unlink(missing_ok=True)  # it may be a link to where nothing is any more
    Path(path).write_text(content)


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
