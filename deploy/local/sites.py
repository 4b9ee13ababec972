"""The cluster for `make run`: a local control plane, or the cluster of a kubeconfig."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.local import build, quickstart
from deploy.local.control_plane import ControlPlane
from deploy.local.registry import Registry
from deploy.local.samples import publish
from deploy.local.target import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.local.process import Process


@dataclass(frozen=True, slots=True)
class Site:
    """A cluster, the manifest to apply to it, and the processes that both need.

    `plane` is set for a local control plane, whose sidecars have to be run by this process.
    """

    target: Target
    manifest: Path
    plane: ControlPlane | None = None
    processes: tuple[Process, ...] = ()
    flags: tuple[str, ...] = ()
    """Flags of the operator."""


@contextmanager
def local(directory: Path, nodes: int) -> Iterator[Site]:
    """A new control plane, and a registry with the artifacts of the quickstart."""
    print("Starting a control plane (a first start builds it, in about 7 minutes)", flush=True)
    with (
        ControlPlane(directory, nodes=nodes) as plane,
        Registry(directory / "registry") as registry,
    ):
        publish(registry)
        manifest = directory / "quickstart.yaml"
        manifest.write_text(quickstart.localized(quickstart.SOURCE.read_text(), registry.address))
        target = Target(build.files("kubectl")["kubectl"], str(plane.kubeconfig))
        flags = (f"--allow-local-registry={registry.address}",)
        yield Site(target, manifest, plane, (*plane.processes, registry.process), flags)


@contextmanager
def given(directory: Path, kubeconfig: str) -> Iterator[Site]:
    """The cluster of the kubeconfig's current context."""
    directory.mkdir(parents=True, exist_ok=True)
    kubectl = shutil.which("kubectl") or build.files("kubectl")["kubectl"]
    target = Target(Path(kubectl), kubeconfig)
    context = target.run("config", "current-context").strip()
    print(f"Using the cluster of {kubeconfig}: {context}", flush=True)
    yield Site(target, quickstart.SOURCE)
