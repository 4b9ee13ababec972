"""What a real node needs of this machine, and what of it is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from deploy.local.node.enclosure import hierarchies

# Programs and files by the package of Debian and Ubuntu that has them.
PACKAGES = {
    "buildah": "buildah",
    "busybox-static": "/bin/busybox",
    "conntrack": "conntrack",
    "debootstrap": "debootstrap",
    "gcc": "gcc",
    "iproute2": "ip",
    "iptables": "iptables",
    "libc6-dev": "/usr/include/stdio.h",
    "libseccomp-dev": "/usr/include/seccomp.h",
    "nftables": "nft",
    "pkg-config": "pkg-config",
}
_APT_SECONDS = 300
# What a kubelet needs of version 2, where it is delegated by name.
CONTROLLERS = {"cpu", "cpuset", "memory", "pids"}


@dataclass(frozen=True, slots=True)
class Probe:
    """A command that fails if the kernel cannot do what a node needs; `folder` is a new one."""

    what: str
    command: str


PROBES = (
    Probe(
        "an overlay file system in the folder for temporary files (TMPDIR)",
        "mkdir lower upper work merged && "
        "mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay merged",
    ),
    Probe("network interfaces of the type bridge", "ip link add probe type bridge"),
    Probe("network interfaces of the type veth", "ip link add probe type veth"),
    Probe(
        "netfilter with NAT",
        "nft add table ip probe && "
        "nft add chain ip probe nat '{ type nat hook prerouting priority 0; }'",
    ),
)


def missing() -> list[str]:
    """What is missing on this machine, after packages were installed as far as they can be."""
    if sys.platform != "linux" or os.geteuid() != 0 or not _is_first_user_namespace():
        return ["root on Linux, outside of a user namespace"]
    lacking = _packages()
    if lacking and shutil.which("apt-get"):
        print(f"Installing {' '.join(lacking)}", file=sys.stderr, flush=True)
        _install(lacking)
        lacking = _packages()
    if lacking:
        return [f"the packages {' '.join(lacking)}"]
    found = [probe.what for probe in PROBES if not _succeeds(probe)]
    return (
        found
        if _has_cgroups()
        else [*found, "writable cgroups with controllers of memory, CPU and processes"]
    )


def _is_first_user_namespace() -> bool:
    """Whether root is that of the machine: a kubelet changes what no other root may."""
    return Path("/proc/self/uid_map").read_text().split() == ["0", "0", str(2**32 - 1)]


def _packages() -> list[str]:
    return [
        package
        for package, content in PACKAGES.items()
        if not (Path(content).exists() if content.startswith("/") else shutil.which(content))
    ]


def _install(packages: list[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        command = ["apt-get", "--quiet=2", "--option=Acquire::Retries=1", *arguments]
        with suppress(subprocess.TimeoutExpired):  # what is missing then is said
            subprocess.run(
                command, env=environment, stdout=sys.stderr, check=False, timeout=_APT_SECONDS
            )


def _succeeds(probe: Probe) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        command = ("unshare", "--mount", "--net", "sh", "-c", probe.command)
        return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


def _has_cgroups() -> bool:
    """Whether a kubelet's controllers are there to be used, of version 1 or 2."""
    return any(
        os.access(mounted, os.W_OK)
        and ((mounted / "memory.usage_in_bytes").exists() or _delegated(mounted) >= CONTROLLERS)
        for mounted in hierarchies()
    )


def _delegated(mounted: Path) -> set[str]:
    file = mounted / "cgroup.subtree_control"
    return set(file.read_text().split()) if file.exists() else set()
