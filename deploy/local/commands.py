"""The command lines of the control plane's processes.

Everything listens on 127.0.0.1 only, by TLS with our CA, or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.local.identities import LOOPBACK, Identities

if TYPE_CHECKING:
    from collections.abc import Sequence

SERVICE_RANGE = "10.0.0.0/16"
ISSUER = "https://kubernetes.default.svc.cluster.local"

# They need a cloud provider or a network. The node lifecycle controller has to stay: it takes the
# not-ready taint off.
CONTROLLERS_LEFT_OUT = (
    "node-ipam-controller",
    "node-route-controller",
    "service-lb-controller",
    "cloud-node-lifecycle-controller",
)

# The default, 20 requests a second, protects large clusters; here it would only slow down whatever
# makes or removes many objects.
CLIENT_RATE = ("--kube-api-qps=500", "--kube-api-burst=1000")

# One line per request, when it is over. A watch is over when it is closed.
AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules:
- level: Metadata
"""
AUDIT_LOG_MEGABYTES = 4096  # a rotation would lose lines for whoever counts them

Command = list[str | Path]


@dataclass(frozen=True, slots=True)
class AuditFiles:
    """The policy that is read and the log that is written."""

    policy: Path
    log: Path


def etcd(binary: Path, data: Path, port: int, identities: Identities) -> Command:
    """A single member whose clients need a certificate; it need not survive a power cut."""
    url = f"https://{LOOPBACK}:{port}"
    own = identities.etcd
    return [
        binary,
        f"--data-dir={data}",
        "--unsafe-no-fsync",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls=https://{LOOPBACK}:0",
        f"--cert-file={own.certificate}",
        f"--key-file={own.key}",
        f"--trusted-ca-file={identities.ca}",
        "--client-cert-auth",
        f"--peer-cert-file={own.certificate}",
        f"--peer-key-file={own.key}",
        f"--peer-trusted-ca-file={identities.ca}",
        "--peer-client-cert-auth",
        "--log-level=warn",
    ]


def api_server(
    binary: Path,
    port: int,
    etcd_port: int,
    identities: Identities,
    audit: AuditFiles | None,
    extra: Sequence[str],
) -> Command:
    """RBAC, service account tokens, every request in the audit log."""
    own = identities.api_server
    keys = identities.service_accounts
    command: Command = [
        binary,
        f"--bind-address={LOOPBACK}",
        f"--secure-port={port}",
        # Endpoints refuse loopback addresses; without these two it looks for a network interface.
        f"--advertise-address={LOOPBACK}",
        "--endpoint-reconciler-type=none",
        f"--tls-cert-file={own.certificate}",
        f"--tls-private-key-file={own.key}",
        f"--client-ca-file={identities.ca}",
        f"--etcd-servers=https://{LOOPBACK}:{etcd_port}",
        f"--etcd-cafile={identities.ca}",
        f"--etcd-certfile={own.certificate}",
        f"--etcd-keyfile={own.key}",
        "--authorization-mode=RBAC",
        "--allow-privileged=true",
        f"--service-account-issuer={ISSUER}",
        f"--service-account-key-file={keys.public}",
        f"--service-account-signing-key-file={keys.private}",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        "--profiling=false",
        # Else it waits a minute for its watchers when it is asked to stop.
        "--shutdown-watch-termination-grace-period=1s",
    ]
    if audit is not None:
        command += [
            f"--audit-policy-file={audit.policy}",
            f"--audit-log-path={audit.log}",
            f"--audit-log-maxsize={AUDIT_LOG_MEGABYTES}",
        ]
    return [*command, *extra]


def controller_manager(binary: Path, kubeconfig: Path, identities: Identities) -> Command:
    """All controllers that make sense without a cloud."""
    return [
        binary,
        f"--kubeconfig={kubeconfig}",
        "--controllers=" + ",".join(["*", *(f"-{name}" for name in CONTROLLERS_LEFT_OUT)]),
        f"--root-ca-file={identities.ca}",
        f"--service-account-private-key-file={identities.service_accounts.private}",
        "--leader-elect=false",
        "--secure-port=0",
        *CLIENT_RATE,
    ]


def scheduler(binary: Path, kubeconfig: Path) -> Command:
    """The default scheduler."""
    return [
        binary,
        f"--kubeconfig={kubeconfig}",
        "--leader-elect=false",
        "--secure-port=0",
        *CLIENT_RATE,
    ]


def kwok(binary: Path, kubeconfig: Path, stages: Path) -> Command:
    """The kubelets of all nodes: pods that are bound run at once, nodes stay Ready."""
    return [
        binary,
        f"--kubeconfig={kubeconfig}",
        f"--config={stages}",
        "--manage-all-nodes=true",
    ]
