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
    from deploy.local.service_account import BoundPod

SERVERS = ("etcd", "kube-apiserver", "kubectl")
CONTROLLERS = ("kube-controller-manager", "kube-scheduler")
PLAYER = ("kwok", KWOK_STAGES)
WAIT_SECONDS = 120


class KubectlError(subprocess.CalledProcessError):
    """kubectl failed; the message has its output."""

    def __str__(self) -> str:
        return f"{super().__str__()}\n{self.stdout}{self.stderr}"


@dataclass(frozen=True, slots=True)
class Started:
    """The state of a control plane once its API server is ready."""

    cluster: Cluster
    client: AdminClient
    api_server: Process


class ControlPlane(Lifetime):
    """etcd, API server, controllers, scheduler and kwok nodes, running between `start` and `stop`.

    Every start is a fresh cluster: files of an earlier run in the directory are removed. All
    processes end with this process, even if it is killed. With `controllers=False`, only etcd and
    the API server run, and there can be no nodes. With `kwok=False`, nodes are Ready only if they
    have real kubelets.
    """

    def __init__(
        self,
        directory: Path,
        *,
        nodes: int = 3,
        controllers: bool = True,
        kwok: bool = True,
        audit: bool = True,
        api_server_flags: Sequence[str] = (),
    ) -> None:
        if nodes and not (controllers and kwok):
            raise ValueError("nodes get Ready only with controllers and kwok")
        self._layout = Layout(directory.absolute())
        self._node_count = nodes
        self._controllers = controllers
        self._kwok = controllers and kwok
        self._audit = audit
        self._api_server_flags = tuple(api_server_flags)
        self._running = ExitStack()
        self._processes: list[Process] = []
        self._files: Mapping[str, Path] = {}
        self._state: Started | None = None

    @property
    def directory(self) -> Path:
        """The directory of all files of this control plane."""
        return self._layout.directory

    @property
    def kubeconfig(self) -> Path:
        """The path of the administrator's kubeconfig."""
        return self._layout.kubeconfig

    @property
    def audit_log(self) -> Path:
        """The path of the audit log: one JSON object a line for each complete request or watch."""
        return self._layout.audit_log

    @property
    def processes(self) -> Sequence[Process]:
        """All processes, in the order of their start."""
        return tuple(self._processes)

    @property
    def api_server(self) -> Process:
        """The process of the API server."""
        return self._started.api_server

    @property
    def url(self) -> str:
        """The URL of the API server; a restart does not change it."""
        return self._started.cluster.url

    @property
    def client(self) -> AdminClient:
        """A client for requests as administrator."""
        return self._started.client

    def start(self) -> Self:
        """Start all processes and wait until every node is usable; if that fails, none is left."""
        names = [*SERVERS]
        names += CONTROLLERS if self._controllers else ()
        names += PLAYER if self._kwok else ()
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
        """Stop all processes; their files stay for inspection."""
        self._running.close()

    def stop_api_server(self) -> None:
        """Stop the API server with SIGTERM; all other processes go on."""
        self.api_server.stop()

    def kill_api_server(self) -> None:
        """Kill the API server with SIGKILL; all other processes go on."""
        self.api_server.kill()

    def start_api_server(self) -> None:
        """Start the API server again, with the same data at the same URL."""
        self.api_server.start()

    def kubectl(
        self,
        *arguments: str | Path,
        input: str | None = None,  # noqa: A002 - as in subprocess.run
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl as administrator, or as the user of a `--kubeconfig` in the arguments.

        Raises:
            KubectlError: kubectl failed, and `check` is true.
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
        """Apply the objects in these files and folders server-side; return `kind/name` of each.

        With a label selector, only selected objects are applied.
        """
        what = [*(f"--filename={path}" for path in paths), f"--selector={selector}"]
        return self.kubectl("apply", "--server-side", "--output=name", *what).stdout.split()

    def apply_crds(self, paths: Iterable[str | Path], selector: str = "") -> None:
        """As `apply`, and wait until every applied CRD is Established and completely served."""
        for applied in self.apply(*paths, selector=selector):
            kind, _, name = applied.partition("/")
            if kind.startswith("customresourcedefinition"):
                self._wait_until(partial(crds.served, self.client, name), f"{name} is served")
        # The API server dates its list of OpenAPI documents by the second, so kubectl may be told
        # that an older list in its cache, of the same second, is still up to date.
        self._layout.forget_kubectl_cache()

    def add_nodes(self, names: Sequence[str], labels: Mapping[str, str] | None = None) -> None:
        """Create nodes with these names, and wait until pods can be bound to them."""
        for index, name in enumerate(names):
            self.client.call("POST", "/api/v1/nodes", node(name, index, labels or {}))
        self._wait_until(partial(self._usable, names), f"nodes are Ready: {', '.join(names)}")

    def service_account_kubeconfig(
        self, namespace: str, name: str, path: Path, pod: BoundPod | None = None
    ) -> Path:
        """Write a kubeconfig for an existing ServiceAccount, with its token in a file beside it.

        Both files have mode 0600; the token is `<path>.token`. With a pod it is bound to that.
        """
        cluster = self._started.cluster
        return service_account.write_kubeconfig(self.client, cluster, namespace, name, path, pod)

    def rotate_token(self, kubeconfig: Path) -> str:
        """Write a new token to the token file of such a kubeconfig, and return it."""
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
        for process in [*parts.controllers(), *([parts.kwok()] if self._kwok else [])]:
            self._processes.append(process)
            process.start()
        names = [f"node-{number + 1}" for number in range(self._node_count)]
        self.add_nodes(names)
        # Pods are refused before this ServiceAccount exists.
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
