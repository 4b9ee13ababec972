"""A real Kubernetes control plane on this machine, for `make run` and for the tests.

Builds etcd, the Kubernetes binaries, kwok and a registry from pinned Go modules (`pins`, `build`),
and runs them on loopback ports as children that never outlive their parent (`guard`, `process`).
"""

from deploy.local.build import BuildError
from deploy.local.control_plane import ControlPlane, KubectlError
from deploy.local.layout import DirectoryInUseError
from deploy.local.process import Process, ProcessError
from deploy.local.registry import Registry
from deploy.local.toolchain import ToolchainError

__all__ = [
    "BuildError",
    "ControlPlane",
    "DirectoryInUseError",
    "KubectlError",
    "Process",
    "ProcessError",
    "Registry",
    "ToolchainError",
]
