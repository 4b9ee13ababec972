"""The identities in a local control plane: a certificate for each, all from one CA."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploy.local.certificates import Authority, KeyPair, SigningKey, signing_key

if TYPE_CHECKING:
    from pathlib import Path

LOOPBACK = "127.0.0.1"
FIRST_SERVICE = "10.0.0.1"  # the Service `kubernetes`
API_SERVER_HOSTS = (
    LOOPBACK,
    FIRST_SERVICE,
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)
MASTERS = "system:masters"  # the group that may do everything, without any RBAC rule

ADMINISTRATOR = "local-admin"
CONTROLLER_MANAGER = "system:kube-controller-manager"
SCHEDULER = "system:kube-scheduler"
KWOK = "kwok"
NODE = "node-1"
KUBELET = f"system:node:{NODE}"
KUBE_PROXY = "system:kube-proxy"

# The API server has RBAC rules for the scheduler and for kube-proxy, and a role for kubelets. There
# are rules for the controller manager only if each controller has its own ServiceAccount, and none
# for kwok.
GROUPS = {
    ADMINISTRATOR: [MASTERS],
    CONTROLLER_MANAGER: [MASTERS],
    SCHEDULER: [],
    KWOK: [MASTERS],
    KUBELET: ["system:nodes"],
    KUBE_PROXY: [],
}


@dataclass(frozen=True, slots=True)
class Identities:
    """The key pairs of the servers, and of their clients by user name."""

    ca: Path
    etcd: KeyPair
    api_server: KeyPair
    service_accounts: SigningKey
    users: dict[str, KeyPair]


def issue(directory: Path) -> Identities:
    """Make new keys and certificates in the directory."""
    authority = Authority(directory)
    return Identities(
        ca=authority.certificate,
        etcd=authority.server("etcd", [LOOPBACK, "localhost"]),
        api_server=authority.server("kube-apiserver", API_SERVER_HOSTS),
        service_accounts=signing_key(directory, "service-accounts"),
        users={user: authority.client(user, groups) for user, groups in GROUPS.items()},
    )
