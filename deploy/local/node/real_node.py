"""A node of a local control plane whose pods run: containerd, kubelet and kube-proxy."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import ExitStack
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Self

from deploy.local import build
from deploy.local.client import RefusedError
from deploy.local.control_plane import ControlPlane
from deploy.local.identities import ADMINISTRATOR, KUBE_PROXY, KUBELET, NODE
from deploy.local.layout import Layout
from deploy.local.lifetime import Lifetime
from deploy.local.node.configuration import NodeFiles
from deploy.local.node.inside import NODE_ADDRESS
from deploy.local.node.power_cut import end_containers, unmount_below
from deploy.local.nodes import usable
from deploy.local.pins import NODE_ROWS
from deploy.local.process import Process, environment, stop_all, wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence

BINARIES = tuple(binary.name for row in NODE_ROWS for binary in row.binaries)
WAIT_SECONDS = 120
_ROLE_BINDING = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRoleBinding",
    "metadata": {"name": "kubelets"},
    "roleRef": {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "ClusterRole",
        "name": "system:node",
    },
    "subjects": [
        {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:nodes"}
    ],
}


def control_plane(directory: Path) -> ControlPlane:
    """A control plane that the pods of a real node reach, in the same enclosure."""
    keys = Layout(directory.absolute()).keys
    flags = (
        "--bind-address=0.0.0.0",
        f"--advertise-address={NODE_ADDRESS}",
        "--endpoint-reconciler-type=lease",
        # For logs and exec. No DNS knows the name of the node.
        "--kubelet-preferred-address-types=InternalIP",
        f"--kubelet-client-certificate={keys / ADMINISTRATOR}.crt",
        f"--kubelet-client-key={keys / ADMINISTRATOR}.key",
    )
    return ControlPlane(directory, nodes=0, kwok=False, api_server_flags=flags)


class RealNode(Lifetime):
    """The node, running between `start` and `stop`, with these archives of images in it.

    It has to be in an enclosure, with the control plane.
    """

    def __init__(self, plane: ControlPlane, directory: Path, images: Sequence[Path]) -> None:
        self._plane = plane
        self._layout = Layout(plane.directory)
        self._images = images
        self._files = NodeFiles(directory.absolute(), build.files(*BINARIES))
        self._running = ExitStack()
        self.containerd = self._process("containerd", self._files.containerd())
        self.kubelet = self._process(
            "kubelet", self._files.kubelet(self._layout.kubeconfig_of(KUBELET))
        )
        self.kube_proxy = self._process("kube-proxy", self._files.kube_proxy())

    @property
    def directory(self) -> Path:
        """The directory of all files of the node."""
        return self._files.directory

    @property
    def processes(self) -> tuple[Process, ...]:
        """The processes of the node, in the order of their start."""
        return (self.containerd, self.kubelet, self.kube_proxy)

    def start(self) -> Self:
        """Start all processes, and wait until the node is Ready."""
        shutil.rmtree(self.directory, ignore_errors=True)
        self._files.write(self._layout.keys / "ca.crt")
        self._files.write_kube_proxy(self._layout.kubeconfig_of(KUBE_PROXY))
        bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
        self._plane.client.call("POST", bindings, _ROLE_BINDING)
        with ExitStack() as starting:
            starting.callback(self._stop_processes)
            self.containerd.start()
            for archive in self._images:
                self.ctr("images", "import", "--local", archive)
            self.kubelet.launch()
            self.kube_proxy.launch()
            self.wait_until_ready()
            self._running = starting.pop_all()
        return self

    def stop(self) -> None:
        """Stop all processes, and remove the files of the node; their logs stay."""
        self._running.close()

    def reboot(self) -> None:
        """End everything that runs on the node as a power cut does, and start it again."""
        for process in (self.kubelet, self.kube_proxy, self.containerd):
            process.kill()
        self._end_containers()
        for folder in (self._files.state, Path("/run/netns")):
            shutil.rmtree(folder)
            folder.mkdir()
        self.containerd.start()
        self.kubelet.launch()
        self.kube_proxy.launch()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until the node is Ready and pods can be bound to it."""
        wait_until(self._is_ready, f"{NODE} is Ready", WAIT_SECONDS, needs=self.processes)

    def ctr(self, *arguments: str | Path) -> str:
        """The output of containerd's client."""
        return subprocess.run(
            self._files.ctr(*arguments), check=True, capture_output=True, text=True
        ).stdout

    def _is_ready(self) -> bool:
        try:
            return usable(self._plane.client.call("GET", f"/api/v1/nodes/{NODE}"))
        except (RefusedError, OSError, HTTPException):
            return False

    def _process(self, name: str, command: list[str | Path]) -> Process:
        variables = environment(self._layout.home)
        # containerd looks for its shim on PATH.
        shims = self._files.binaries["containerd-shim-runc-v2"].parent
        variables["PATH"] = f"{shims}:{variables['PATH']}"
        return Process(
            name,
            command,
            log=self._layout.directory / "node-logs" / f"{name}.log",
            environment=variables,
            ready=self._files.socket.is_socket,
        )

    def _stop_processes(self) -> None:
        stop_all((self.kubelet, self.kube_proxy))
        self.containerd.stop()
        self._end_containers()
        shutil.rmtree(self.directory)

    def _end_containers(self) -> None:
        end_containers(self._files.binaries["containerd-shim-runc-v2"])
        for mounted in (self.directory, Path("/run/netns")):
            unmount_below(mounted)
