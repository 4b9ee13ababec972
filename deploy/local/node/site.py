"""The cluster of `make run ARGS=--real-node`."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.local import build, quickstart
from deploy.local.node import images
from deploy.local.node.inside import NODE_ADDRESS
from deploy.local.node.real_node import RealNode, control_plane
from deploy.local.registry import Registry
from deploy.local.samples import publish
from deploy.local.sites import Site
from deploy.local.target import Target

if TYPE_CHECKING:
    from collections.abc import Iterator


def _libraries() -> dict[str, bytes]:
    """The plugin of the quickstart from a given Falco, which refuses the sample; else none."""
    given = os.environ.get(images.FALCO_VARIABLE)
    library = images.plugins(Path(given)).get("container") if given else None
    if given and library is None:
        print(f"{given} has no plugin container: its Falco will not load the quickstart")
    return {images.PLATFORM: library} if library else {}


@contextmanager
def real_site(directory: Path) -> Iterator[Site]:
    """A control plane with a real node, and a registry with the artifacts of the quickstart."""
    print("Starting a control plane and a node", flush=True)
    with (
        control_plane(directory) as plane,
        Registry(directory / "registry", host=NODE_ADDRESS) as registry,
        RealNode(plane, directory / "node", images.built()) as node,
    ):
        publish(registry, _libraries())
        manifest = directory / "quickstart.yaml"
        manifest.write_text(quickstart.localized(quickstart.SOURCE.read_text(), registry.address))
        target = Target(build.files("kubectl")["kubectl"], str(plane.kubeconfig))
        processes = (*plane.processes, registry.process, *node.processes)
        yield Site(target, manifest, plane, processes)
