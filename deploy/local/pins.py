"""The pins of helm and of the local control plane: Go modules, packages, build flags. Data only.

The dependencies of each row are pinned by `modules/<row>/go.mod` and `go.sum`. Each row is a module
of its own, since the rows need different versions of their dependencies. A changed pin or flag
changes the key of the cache, so stale binaries are never used.
"""

from __future__ import annotations

from dataclasses import dataclass

MINIMUM_GO = (1, 26)

GO_ENVIRONMENT = {
    "CGO_ENABLED": "0",
    "GOFLAGS": "-mod=readonly",
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
}

BUILD_FLAGS = ("-trimpath", "-buildvcs=false")

KWOK_STAGES = "kwok-stages.yaml"


@dataclass(frozen=True, slots=True)
class Binary:
    """A program: its package, and the seconds of a cold build on two cores."""

    name: str
    package: str
    cold_seconds: int


@dataclass(frozen=True, slots=True)
class Extract:
    """A file beside the binaries, joined from files of the row's module."""

    name: str
    sources: tuple[str, ...]
    cold_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A pinned module and the files made from it; the linker sets the Go variables `stamps`."""

    name: str
    module: str
    version: str
    binaries: tuple[Binary, ...]
    stamps: tuple[tuple[str, str], ...] = ()
    extracts: tuple[Extract, ...] = ()
    tags: tuple[str, ...] = ()
    uses_c: bool = False

    @property
    def environment(self) -> dict[str, str]:
        """The variables for Go; a row that `uses_c` needs a C compiler and its libraries."""
        return GO_ENVIRONMENT | ({"CGO_ENABLED": "1"} if self.uses_c else {})

    @property
    def build_flags(self) -> tuple[str, ...]:
        """The flags of `go build`, but for the linker's."""
        return (*BUILD_FLAGS, *([f"-tags={','.join(self.tags)}"] if self.tags else []))

    @property
    def linker_flags(self) -> str:
        """The value of `-ldflags`: stripped, with the version stamped in."""
        return " ".join(["-s -w", *(f"-X {name}={value}" for name, value in self.stamps)])


def _kubernetes_stamps(version: str) -> tuple[tuple[str, str], ...]:
    """The version variables; without them the version is v0.0.0, which clients fail to parse."""
    major, minor, _ = version.removeprefix("v").split(".")
    return tuple(
        (f"{package}.{variable}", value)
        for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
        for variable, value in (("gitVersion", version), ("gitMajor", major), ("gitMinor", minor))
    )


def _helm_stamps(version: str, kubernetes: str) -> tuple[tuple[str, str], ...]:
    """The version variables; charts are rendered for this Kubernetes version, by default 1.20."""
    major, minor, _ = kubernetes.removeprefix("v").split(".")
    return (
        ("helm.sh/helm/v3/internal/version.version", version),
        *(
            (f"helm.sh/helm/v3/pkg/{package}.{variable}", value)
            for package in ("chartutil", "lint/rules")
            for variable, value in (("k8sVersionMajor", major), ("k8sVersionMinor", minor))
        ),
    )


KUBERNETES_VERSION = "v1.36.3"

KUBERNETES = Row(
    name="kubernetes",
    module="k8s.io/kubernetes",
    version=KUBERNETES_VERSION,
    binaries=(
        Binary("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver", 195),
        Binary("kubectl", "k8s.io/kubernetes/cmd/kubectl", 30),
        Binary("kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager", 65),
        Binary("kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler", 10),
    ),
    stamps=_kubernetes_stamps(KUBERNETES_VERSION),
)

ETCD = Row(
    name="etcd",
    module="go.etcd.io/etcd/server/v3",
    version="v3.6.8",
    binaries=(Binary("etcd", "go.etcd.io/etcd/server/v3", 40),),
)

KWOK = Row(
    name="kwok",
    module="sigs.k8s.io/kwok",
    version="v0.8.0",
    binaries=(Binary("kwok", "sigs.k8s.io/kwok/cmd/kwok", 60),),
    extracts=(
        Extract(
            KWOK_STAGES,
            (
                "kustomize/stage/node/fast/node-initialize.yaml",
                "kustomize/stage/node/heartbeat/node-heartbeat.yaml",
                "kustomize/stage/pod/fast/pod-ready.yaml",
                "kustomize/stage/pod/fast/pod-complete.yaml",
                "kustomize/stage/pod/fast/pod-delete.yaml",
            ),
        ),
    ),
)

REGISTRY = Row(
    name="registry",
    module="github.com/distribution/distribution/v3",
    version="v3.1.2",
    binaries=(Binary("registry", "github.com/distribution/distribution/v3/cmd/registry", 60),),
    stamps=(("github.com/distribution/distribution/v3/version.version", "v3.1.2"),),
)

HELM = Row(
    name="helm",
    module="helm.sh/helm/v3",
    version="v3.22.0",
    binaries=(Binary("helm", "helm.sh/helm/v3/cmd/helm", 120),),
    stamps=_helm_stamps("v3.22.0", KUBERNETES_VERSION),
)

# The parts of a real node. The rows above suffice where kwok plays the nodes.
KUBELET = Row(
    name="kubernetes",
    module="k8s.io/kubernetes",
    version=KUBERNETES_VERSION,
    binaries=(
        Binary("kubelet", "k8s.io/kubernetes/cmd/kubelet", 60),
        Binary("kube-proxy", "k8s.io/kubernetes/cmd/kube-proxy", 15),
    ),
    stamps=_kubernetes_stamps(KUBERNETES_VERSION),
)

CONTAINERD = Row(
    name="containerd",
    module="github.com/containerd/containerd/v2",
    version="v2.4.2",
    binaries=(
        Binary("containerd", "github.com/containerd/containerd/v2/cmd/containerd", 60),
        Binary("ctr", "github.com/containerd/containerd/v2/cmd/ctr", 10),
        Binary(
            "containerd-shim-runc-v2",
            "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
            10,
        ),
    ),
    stamps=(("github.com/containerd/containerd/v2/version.Version", "v2.4.2"),),
)

# Its libcontainer enters namespaces in C, and libseccomp compiles the seccomp profiles.
RUNC = Row(
    name="runc",
    module="github.com/opencontainers/runc",
    version="v1.5.2",
    binaries=(Binary("runc", "github.com/opencontainers/runc", 15),),
    tags=("seccomp",),
    uses_c=True,
)

CNI = Row(
    name="cni",
    module="github.com/containernetworking/plugins",
    version="v1.10.0",
    binaries=(
        Binary("bridge", "github.com/containernetworking/plugins/plugins/main/bridge", 10),
        Binary("host-local", "github.com/containernetworking/plugins/plugins/ipam/host-local", 5),
        Binary("loopback", "github.com/containernetworking/plugins/plugins/main/loopback", 5),
    ),
)

# Signs artifacts for the tests that ask whether our check agrees with the real thing.
COSIGN = Row(
    name="cosign",
    module="github.com/sigstore/cosign/v3",
    version="v3.1.3",
    binaries=(Binary("cosign", "github.com/sigstore/cosign/v3/cmd/cosign", 120),),
)

ROWS = (ETCD, KUBERNETES, KWOK, REGISTRY, HELM)
NODE_ROWS = (KUBELET, CONTAINERD, RUNC, CNI)
TEST_ROWS = (COSIGN,)
