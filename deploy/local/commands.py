"""The command lines of the control plane's processes.

Every server listens on 127.0.0.1 only, with TLS by the local CA.
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

# These controllers need a cloud provider or a network. The node lifecycle controller is needed: it
# removes the not-ready taint.
CONTROLLERS_LEFT_OUT = (
    "node-ipam-controller",
    "node-route-controller",
    "service-lb-controller",
    "cloud-node-lifecycle-controller",
)

# The default, 20 requests a second, protects large clusters; here it would only slow down tests
# that create or delete many objects.
CLIENT_RATE = ("--kube-api-qps=500", "--kube-api-burst=1000")

# The log has one line for each request, written when it is complete; a watch is when it is closed.
AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules:
- level: Metadata
"""
AUDIT_LOG_MEGABYTES = 4096  # a rotation would lose lines that tests count

Command = list[str | Path]


@dataclass(frozen=True, slots=True)
class AuditFiles:
    """The audit policy of the API server, and its audit log."""

    policy: Path
    log: Path


def etcd(binary: Path, data: Path, port: int, identities: Identities) -> Command:
    """The command of a single etcd member; its data need not survive a power cut."""
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
    """The command of the API server, with RBAC, ServiceAccount tokens and maybe an audit log."""
    own = identities.api_server
    keys = identities.service_accounts
    command: Command = [
        binary,
        f"--bind-address={LOOPBACK}",
        f"--secure-port={port}",
        # Endpoints refuse loopback addresses; without these flags, a network interface is needed.
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
        # By default it waits a minute for its watches to end when it is stopped.
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
    """The command of the controller manager, with all controllers that need no cloud."""
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
    """The command of the default scheduler."""
    return [
        binary,
        f"--kubeconfig={kubeconfig}",
        "--leader-elect=false",
        "--secure-port=0",
        *CLIENT_RATE,
    ]


def kwok(binary: Path, kubeconfig: Path, stages: Path) -> Command:
    """The command of kwok, which plays all kubelets: bound pods run at once, nodes stay Ready."""
    return [
        binary,
        f"--kubeconfig={kubeconfig}",
        f"--config={stages}",
        "--manage-all-nodes=true",
    ]
