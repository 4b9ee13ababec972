"""A real Kubernetes control plane on this machine, for `make run` and for the tests.

etcd, the Kubernetes binaries, kwok and a registry are built from pinned Go modules (`pins`,
`build`) and run on loopback ports as child processes that never outlive their parent (`guard`,
`process`).
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
