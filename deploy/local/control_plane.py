"""A real Kubernetes control plane on this machine's loopback interface."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException
from typing import TYPE_CHECKING, Self

from deploy.local import build, crds, service_account
from deploy.local.client import AdminClient, RefusedError
from deploy.local.commands import AuditFiles
from deploy.local.identities import issue
from deploy.local.layout import Layout
from deploy.local.lifetime import Lifetime
from deploy.local.nodes import node, usable
from deploy.local.parts import Parts
from deploy.local.pins import KWOK_STAGES
from deploy.local.process import Process, environment, start_on_free_port, stop_all, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from deploy.local.kubeconfig import Cluster

SERVERS = ("etcd", "kube-apiserver", "kubectl")
CONTROLLERS = ("kube-controller-manager", "kube-scheduler", "kwok", KWOK_STAGES)
WAIT_SECONDS = 120


class KubectlError(subprocess.CalledProcessError):
    """kubectl failed; the message holds what it said."""

    def __str__(self) -> str:
        return f"{super().__str__()}\n{self.stdout}{self.stderr}"


@dataclass(frozen=True, slots=True)
class Started:
    """What is known once the API server serves."""

    cluster: Cluster
    client: AdminClient
    api_server: Process


class ControlPlane(Lifetime):
    """etcd, API server, controllers, scheduler and kwok nodes, running between `start` and `stop`.

    Every start is a fresh cluster: what an earlier run left in the directory is removed. All
    processes end with this one, however that ends. `controllers=False` leaves etcd and the API
    server alone, and allows no nodes.
    """

    def __init__(
        self,
        directory: Path,
        *,
        nodes: int = 3,
        controllers: bool = True,
        audit: bool = True,
        api_server_flags: Sequence[str] = (),
    ) -> None:
        if nodes and not controllers:
            raise ValueError("nodes get Ready only with controllers")
        self._layout = Layout(directory.absolute())
        self._node_count = nodes
        self._controllers = controllers
        self._audit = audit
        self._api_server_flags = tuple(api_server_flags)
        self._running = ExitStack()
        self._processes: list[Process] = []
        self._files: Mapping[str, Path] = {}
        self._state: Started | None = None

    @property
    def directory(self) -> Path:
        """Where all files of this control plane are."""
        return self._layout.directory

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self._layout.kubeconfig

    @property
    def audit_log(self) -> Path:
        """One JSON object a line per completed request; a watch counts when it is closed."""
        return self._layout.audit_log

    @property
    def processes(self) -> Sequence[Process]:
        """In the order of their start."""
        return tuple(self._processes)

    @property
    def api_server(self) -> Process:
        """The API server's process."""
        return self._started.api_server

    @property
    def url(self) -> str:
        """The API server's; it stays the same over its restarts."""
        return self._started.cluster.url

    @property
    def client(self) -> AdminClient:
        """Plain requests as administrator, for what kubectl does not show."""
        return self._started.client

    def start(self) -> Self:
        """Serving, with every node usable; otherwise nothing is left running."""
        names = (*SERVERS, *CONTROLLERS) if self._controllers else SERVERS
        self._files = build.files(*names)
        with ExitStack() as starting:
            claim = starting.enter_context(self._layout.claimed())
            self._layout.wipe()
            parts = Parts(self._layout, claim, self._files, issue(self._layout.keys))
            starting.callback(self._stop_processes)
            self._start_servers(parts)
            if self._controllers:
                self._start_controllers(parts)
            self._running = starting.pop_all()
        return self

    def stop(self) -> None:
        """Nothing of it runs; files stay for inspection."""
        self._running.close()

    def stop_api_server(self) -> None:
        """The API server has ended in good order; everything else runs on."""
        self.api_server.stop()

    def kill_api_server(self) -> None:
        """The API server has ended by SIGKILL; everything else runs on."""
        self.api_server.kill()

    def start_api_server(self) -> None:
        """The API server serves the same data at the same URL as before."""
        self.api_server.start()

    def kubectl(
        self,
        *arguments: str | Path,
        input: str | None = None,  # noqa: A002 - as in subprocess.run
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """What kubectl said as administrator; KubectlError if it fails, unless `check` is false.

        A later `--kubeconfig` among the arguments makes it somebody else.
        """
        command = [self._files["kubectl"], f"--kubeconfig={self.kubeconfig}", *arguments]
        done = subprocess.run(
            command,
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            env=environment(self._layout.home),
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode != 0:
            raise KubectlError(done.returncode, command, done.stdout, done.stderr)
        return done

    def apply(self, *paths: str | Path, selector: str = "") -> list[str]:
        """What these files and folders hold is applied on the server side: `kind/name` of each.

        With a label selector, only what it selects.
        """
        what = [*(f"--filename={path}" for path in paths), f"--selector={selector}"]
        return self.kubectl("apply", "--server-side", "--output=name", *what).stdout.split()

    def apply_crds(self, paths: Iterable[str | Path], selector: str = "") -> None:
        """As `apply`; the CRDs among it are Established and served: listed, watched, explained."""
        for applied in self.apply(*paths, selector=selector):
            kind, _, name = applied.partition("/")
            if kind.startswith("customresourcedefinition"):
                self._wait_until(partial(crds.served, self.client, name), f"{name} is served")
        # The API server dates its list of OpenAPI documents by the second, so that kubectl is told
        # that one of the same second, from before, has not been modified since.
        self._layout.forget_kubectl_cache()

    def add_nodes(self, names: Sequence[str], labels: Mapping[str, str] | None = None) -> None:
        """Nodes of these names are Ready, and pods can be bound to them."""
        for index, name in enumerate(names):
            self.client.call("POST", "/api/v1/nodes", node(name, index, labels or {}))
        self._wait_until(partial(self._usable, names), f"nodes are Ready: {', '.join(names)}")

    def service_account_kubeconfig(self, namespace: str, name: str, path: Path) -> Path:
        """A kubeconfig that acts as this existing service account, its token beside it.

        Both files have mode 0600; the token is `<path>.token`.
        """
        cluster = self._started.cluster
        return service_account.write_kubeconfig(self.client, cluster, namespace, name, path)

    def rotate_token(self, kubeconfig: Path) -> str:
        """The token file of such a kubeconfig holds a new token, which is returned."""
        return service_account.rotate_token(self.client, kubeconfig)

    @property
    def _started(self) -> Started:
        if self._state is None:
            raise RuntimeError("the control plane is not started")
        return self._state

    def _start_servers(self, parts: Parts) -> None:
        etcd, etcd_port = start_on_free_port(parts.etcd)
        self._processes.append(etcd)
        audit = AuditFiles(self._layout.audit_policy, self.audit_log) if self._audit else None
        make = partial(parts.api_server, etcd_port, audit, self._api_server_flags)
        api_server, port = start_on_free_port(make)
        self._processes.append(api_server)
        cluster = parts.cluster(port)
        parts.write_kubeconfigs(cluster)
        self._state = Started(cluster, parts.administrator(port), api_server)

    def _start_controllers(self, parts: Parts) -> None:
        for process in parts.controllers():
            self._processes.append(process)
            process.start()
        names = [f"node-{number + 1}" for number in range(self._node_count)]
        self.add_nodes(names)
        # Without it pods are refused.
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        self._wait_until(partial(self.client.succeeds, account), "there are service accounts")

    def _stop_processes(self) -> None:
        etcd_and_api_server, controllers = self._processes[:2], self._processes[2:]
        stop_all(controllers)
        for process in reversed(etcd_and_api_server):
            process.stop()
        self._processes.clear()

    def _usable(self, names: Sequence[str]) -> bool:
        try:
            return all(usable(self.client.call("GET", f"/api/v1/nodes/{name}")) for name in names)
        except (RefusedError, OSError, HTTPException):
            return False

    def _wait_until(self, condition: Callable[[], bool], what: str) -> None:
        wait_until(condition, what, WAIT_SECONDS, needs=self._processes)
