"""The configuration files and command lines of a node's processes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from deploy.local.certificates import write_private
from deploy.local.identities import NODE
from deploy.local.node.images import PAUSE
from deploy.local.node.inside import NODE_ADDRESS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

POD_RANGE = "10.244.0.0/16"
NODE_POD_RANGE = "10.244.0.0/24"

# runc needs CAP_SYS_RESOURCE to lower the score, which a container may not have.
CONTAINERD = """\
version = 3
root = "{root}"
state = "{state}"
disabled_plugins = ["io.containerd.tracing.processor.v1.otlp"]
[grpc]
address = "{socket}"
[plugins."io.containerd.cri.v1.images"]
snapshotter = "overlayfs"
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "{pause}"
[plugins."io.containerd.cri.v1.runtime"]
restrict_oom_score_adj = true
[plugins."io.containerd.cri.v1.runtime".containerd]
default_runtime_name = "runc"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
BinaryName = "{runc}"
SystemdCgroup = false
[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["{plugins}"]
conf_dir = "{networks}"
"""

KUBELET: dict[str, Any] = {
    "apiVersion": "kubelet.config.k8s.io/v1beta1",
    "kind": "KubeletConfiguration",
    "address": NODE_ADDRESS,
    "authorization": {"mode": "AlwaysAllow"},
    "cgroupDriver": "cgroupfs",
    "clusterDNS": ["10.0.0.10"],  # no server is there: without an address, each pod gets a warning
    "enforceNodeAllocatable": ["none"],
    # The machine's disk is not the node's to judge.
    "evictionHard": {
        "memory.available": "1Mi",
        "nodefs.available": "0%",
        "imagefs.available": "0%",
    },
    "failCgroupV1": False,
    "failSwapOn": False,
    "imageGCHighThresholdPercent": 100,
    "imageGCLowThresholdPercent": 99,
    "oomScoreAdj": 0,
    "podCIDR": NODE_POD_RANGE,
    "protectKernelDefaults": False,
}

KUBE_PROXY: dict[str, Any] = {
    "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
    "kind": "KubeProxyConfiguration",
    "bindAddress": NODE_ADDRESS,
    "clusterCIDR": POD_RANGE,
    # These are settings of the machine, not of a network namespace.
    "conntrack": {"maxPerCore": 0, "min": 0},
    "hostnameOverride": NODE,
    "mode": "nftables",
    "oomScoreAdj": 0,
}

NETWORKS: dict[str, list[dict[str, Any]]] = {
    "pods": [
        {
            "type": "bridge",
            "bridge": "cni0",
            "isGateway": True,
            "ipMasq": False,
            "hairpinMode": True,
            "ipam": {
                "type": "host-local",
                "ranges": [[{"subnet": NODE_POD_RANGE}]],
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        }
    ],
}


@dataclass(frozen=True, slots=True)
class NodeFiles:
    """The files of a node below one directory, and the binaries by name."""

    directory: Path
    binaries: Mapping[str, Path]

    @property
    def socket(self) -> Path:
        """The socket of containerd."""
        return self.directory / "run" / "containerd.sock"

    @property
    def state(self) -> Path:
        """What containerd knows of running containers: a node that boots has none of it."""
        return self.directory / "run"

    def write(self, ca: Path) -> None:
        """Write all configuration files; `ca` signs the certificates of the kubelet's clients."""
        self.state.mkdir(parents=True)
        networks = self.directory / "networks"
        networks.mkdir()
        for name, plugins in NETWORKS.items():
            content = {"cniVersion": "1.0.0", "name": name, "plugins": plugins}
            (networks / f"10-{name}.conflist").write_text(json.dumps(content))
        (self.directory / "containerd.toml").write_text(
            CONTAINERD.format(
                root=self.directory / "containerd",
                state=self.state / "containerd",
                socket=self.socket,
                pause=PAUSE,
                runc=self.binaries["runc"],
                plugins=self.binaries["bridge"].parent,
                networks=networks,
            )
        )
        resolver = self.directory / "resolv.conf"
        resolver.write_text("")  # there is no DNS
        kubelet = KUBELET | {
            "containerRuntimeEndpoint": f"unix://{self.socket}",
            "podLogsDir": str(self.directory / "logs"),
            "resolvConf": str(resolver),
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": False},
                "x509": {"clientCAFile": str(ca)},
            },
        }
        self._write_yaml("kubelet", kubelet)

    def write_kube_proxy(self, kubeconfig: Path) -> None:
        """Write the configuration of kube-proxy."""
        self._write_yaml(
            "kube-proxy", KUBE_PROXY | {"clientConnection": {"kubeconfig": str(kubeconfig)}}
        )

    def containerd(self) -> list[str | Path]:
        """The command of containerd."""
        return [self.binaries["containerd"], "--config", self.directory / "containerd.toml"]

    def kubelet(self, kubeconfig: Path) -> list[str | Path]:
        """The command of the kubelet."""
        return [
            self.binaries["kubelet"],
            f"--config={self.directory / 'kubelet.yaml'}",
            f"--kubeconfig={kubeconfig}",
            f"--root-dir={self.directory / 'kubelet'}",
            f"--cert-dir={self.directory / 'kubelet-certificates'}",
            f"--hostname-override={NODE}",
            f"--node-ip={NODE_ADDRESS}",
        ]

    def kube_proxy(self) -> list[str | Path]:
        """The command of kube-proxy."""
        return [self.binaries["kube-proxy"], f"--config={self.directory / 'kube-proxy.yaml'}"]

    def ctr(self, *arguments: str | Path) -> list[str | Path]:
        """A command of containerd's client, about what the kubelet sees."""
        return [self.binaries["ctr"], f"--address={self.socket}", "--namespace=k8s.io", *arguments]

    def _write_yaml(self, name: str, content: Mapping[str, Any]) -> None:
        write_private(self.directory / f"{name}.yaml", yaml.safe_dump(dict(content)))
