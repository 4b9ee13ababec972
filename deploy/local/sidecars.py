"""The sidecars of the local nodes, run as a kubelet would run them; kwok runs no containers.

Every pod of a Falco has a folder `<node>/<namespace>.<pod>`. It has the pod's emptyDirs, at the
paths where the pod mounts them, and `artifact-operator`, the home of the sidecar.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from deploy.local.process import Process, ProcessError, stop_all
from deploy.local.programs import program
from deploy.local.service_account import BoundPod
from deploy.local.target import Identity, TargetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from deploy.local.tokens import Tokens

CONTAINER = "artifact-operator"
RESTART_SECONDS = 5.0
_FINISHED = ("Succeeded", "Failed")


class SidecarPod(NamedTuple):
    """The fields of a pod that its sidecar needs; `volumes` are mount paths of emptyDirs."""

    uid: str
    namespace: str
    name: str
    node: str
    account: str
    arguments: tuple[str, ...]
    volumes: tuple[str, ...]

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables that the downward API would set."""
        return {
            "POD_UID": self.uid,
            "POD_NAMESPACE": self.namespace,
            "POD_NAME": self.name,
            "NODE_NAME": self.node,
        }

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def sidecar_pods(pods: Iterable[dict[str, Any]]) -> list[SidecarPod]:
    """The pods whose sidecar must run: bound to a node, not finished, not being deleted."""
    sidecars = []
    for pod in pods:
        specs = pod["spec"].get("initContainers", [])
        sidecar = next((spec for spec in specs if spec["name"] == CONTAINER), None)
        is_over = "deletionTimestamp" in pod["metadata"] or pod["status"]["phase"] in _FINISHED
        if sidecar is not None and "nodeName" in pod["spec"] and not is_over:
            sidecars.append(_sidecar_pod(pod, sidecar))
    return sidecars


def _sidecar_pod(pod: dict[str, Any], sidecar: dict[str, Any]) -> SidecarPod:
    metadata, spec = pod["metadata"], pod["spec"]
    empty = {volume["name"] for volume in spec.get("volumes", []) if "emptyDir" in volume}
    mounts = sidecar.get("volumeMounts", [])
    return SidecarPod(
        uid=metadata["uid"],
        namespace=metadata["namespace"],
        name=metadata["name"],
        node=spec["nodeName"],
        account=spec["serviceAccountName"],
        arguments=tuple(sidecar.get("args", [])),
        volumes=tuple(mount["mountPath"] for mount in mounts if mount["name"] in empty),
    )


@dataclass(slots=True)
class _Sidecar:
    pod: SidecarPod
    folder: Path
    identity: Identity
    process: Process
    not_before: float = 0.0


class Sidecars:
    """Runs a process for each pod with a sidecar, under the ServiceAccount of the pod."""

    def __init__(
        self, directory: Path, tokens: Tokens, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Remove the directory, which has the folders of an earlier run."""
        self._directory = directory
        self._tokens = tokens
        self._clock = clock
        self._known: dict[str, _Sidecar] = {}
        shutil.rmtree(directory, ignore_errors=True)

    @property
    def processes(self) -> list[Process]:
        """The processes of all sidecars, also of those that wait for a restart."""
        return [sidecar.process for sidecar in self._known.values()]

    def follow(self, pods: Iterable[dict[str, Any]]) -> list[str]:
        """Start and stop sidecars so that they match the pods; return news for the user.

        A new pod begins with empty volumes, and the folder of a deleted pod is removed.
        """
        wanted = {pod.uid: pod for pod in sidecar_pods(pods)}
        self._end([uid for uid in self._known if uid not in wanted])
        for uid, pod in wanted.items():
            if uid not in self._known:
                self._known[uid] = self._make(pod)
        return [news for sidecar in self._known.values() for news in self._keep_running(sidecar)]

    def stop(self) -> None:
        """Stop all sidecars; their folders stay."""
        stop_all(self.processes)

    def _make(self, pod: SidecarPod) -> _Sidecar:
        folder = self._directory / pod.node / f"{pod.namespace}.{pod.name}"
        for volume in pod.volumes:
            (folder / volume.lstrip("/")).mkdir(parents=True, exist_ok=True)
        home = folder / CONTAINER
        kubeconfig = home / "kubeconfig"
        # kwok runs no Falco that could say what it has loaded.
        no_falco = "--falco-web-server=off"
        arguments = [*pod.arguments, no_falco, f"--volume-root={folder}"]
        process = program(CONTAINER, home, kubeconfig, arguments, pod.variables)
        bound = BoundPod(pod.name, pod.uid)
        identity = Identity(pod.namespace, pod.account, kubeconfig, bound)
        return _Sidecar(pod, folder, identity, process)

    def _keep_running(self, sidecar: _Sidecar) -> Iterable[str]:
        if sidecar.process.running or self._clock() < sidecar.not_before:
            return
        if sidecar.process.pid is not None:
            yield f"The sidecar of {sidecar.pod} has ended and starts again: {sidecar.process.log}"
        sidecar.not_before = self._clock() + RESTART_SECONDS
        try:
            self._tokens.issue(sidecar.identity)
            sidecar.process.launch()
        except (TargetError, ProcessError) as error:
            yield f"The sidecar of {sidecar.pod} could not be started: {error}"

    def _end(self, uids: list[str]) -> None:
        ending = [self._known[uid] for uid in uids]
        stop_all(sidecar.process for sidecar in ending)
        for sidecar in ending:
            self._tokens.forget(sidecar.identity)
            shutil.rmtree(sidecar.folder)
            del self._known[sidecar.pod.uid]
