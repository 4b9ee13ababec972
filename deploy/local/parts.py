"""The processes of a control plane before their start: command, log, readiness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploy.local import commands
from deploy.local.certificates import write_private
from deploy.local.client import AdminClient
from deploy.local.identities import (
    ADMINISTRATOR,
    CONTROLLER_MANAGER,
    KWOK,
    LOOPBACK,
    SCHEDULER,
    Identities,
)
from deploy.local.kubeconfig import Cluster, with_certificate
from deploy.local.pins import KWOK_STAGES
from deploy.local.process import Process, environment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from deploy.local.commands import AuditFiles
    from deploy.local.layout import Layout


@dataclass(frozen=True, slots=True)
class Parts:
    """Makes the processes of a control plane.

    Each process keeps `claim`, the lock of the layout's directory, open.
    """

    layout: Layout
    claim: int
    files: Mapping[str, Path]
    identities: Identities

    def etcd(self, port: int) -> Process:
        """The process of an empty etcd."""
        data = self.layout.state / "etcd"
        command = commands.etcd(self.files["etcd"], data, port, self.identities)
        client = AdminClient(port, self.identities.ca, self.identities.api_server)
        return self._process("etcd", command, client)

    def api_server(
        self, etcd_port: int, audit: AuditFiles | None, flags: Sequence[str], port: int
    ) -> Process:
        """The process of the API server; ready once its start hooks, RBAC's too, are done."""
        if audit is not None:
            write_private(audit.policy, commands.AUDIT_POLICY)
        binary = self.files["kube-apiserver"]
        command = commands.api_server(binary, port, etcd_port, self.identities, audit, flags)
        return self._process("kube-apiserver", command, self.administrator(port))

    def controllers(self) -> list[Process]:
        """The processes of controller manager and scheduler; none has a readiness check."""
        path, files = self.layout.kubeconfig_of, self.files
        manager = commands.controller_manager(
            files["kube-controller-manager"], path(CONTROLLER_MANAGER), self.identities
        )
        return [
            self._process("kube-controller-manager", manager),
            self._process(
                "kube-scheduler", commands.scheduler(files["kube-scheduler"], path(SCHEDULER))
            ),
        ]

    def kwok(self) -> Process:
        """The process that plays the nodes; it has no readiness check."""
        kubeconfig = self.layout.kubeconfig_of(KWOK)
        command = commands.kwok(self.files["kwok"], kubeconfig, self.files[KWOK_STAGES])
        return self._process("kwok", command)

    def administrator(self, port: int) -> AdminClient:
        """A client of the API server with all rights."""
        return AdminClient(port, self.identities.ca, self.identities.users[ADMINISTRATOR])

    def cluster(self, port: int) -> Cluster:
        """The API server at the port, as kubeconfigs name it."""
        return Cluster(f"https://{LOOPBACK}:{port}", self.identities.ca)

    def write_kubeconfigs(self, cluster: Cluster) -> None:
        """Write a kubeconfig for each user."""
        for user, identity in self.identities.users.items():
            path = self.layout.kubeconfig_of(user)
            write_private(path, with_certificate(cluster, user, identity))

    def _process(
        self, name: str, command: commands.Command, client: AdminClient | None = None
    ) -> Process:
        return Process(
            name,
            command,
            log=self.layout.log(name),
            environment=environment(self.layout.home),
            ready=lambda: client is None or client.succeeds("/readyz"),
            holds=[self.claim],
        )
