"""The real node of `make e2e-node`, and what is installed on it as by the README."""

from contextlib import ExitStack

import pytest

from deploy.local.node import enclosure, images
from deploy.local.node.inside import NODE_ADDRESS
from deploy.local.node.real_node import RealNode, control_plane
from deploy.local.registry import Registry
from deploy.local.target import INSTALL
from tests.eventually import eventually
from tests.node.figures import Figures
from tests.node.kube import OPERATOR, OPERATOR_NAMESPACE, Kube, container_status

FIGURES = pytest.StashKey[Figures]()


def pytest_terminal_summary(terminalreporter, config):
    for line in config.stash.get(FIGURES, ()):
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def figures(pytestconfig):
    """Shown at the end of the run."""
    return pytestconfig.stash.setdefault(FIGURES, Figures())


@pytest.fixture(scope="session")
def kube(tmp_path_factory, figures):
    """The cluster of one real node."""
    if not enclosure.is_inside():
        pytest.skip("only `make e2e-node` starts a real node")
    directory = tmp_path_factory.mktemp("node")
    with control_plane(directory / "plane") as plane, ExitStack() as running:
        with figures.took("start of the node with its images, until it is Ready"):
            node = running.enter_context(RealNode(plane, directory / "node", images.built()))
        yield Kube(plane, node)


@pytest.fixture(scope="session")
def registry(kube, tmp_path_factory):  # noqa: ARG001 - its address is the node's
    """A registry that pods reach."""
    with Registry(tmp_path_factory.mktemp("registry"), host=NODE_ADDRESS) as started:
        yield started


@pytest.fixture(scope="module")
def installed(kube, figures):
    """The operator, installed by `install.yaml`, and leading."""
    with figures.took("apply of install.yaml, until the operator leads"):
        kube.plane.apply_crds([INSTALL])
        eventually(lambda: container_status(kube.of_operator(), OPERATOR).get("ready"), within=90)
        eventually(lambda: kube.api.get("Lease", OPERATOR_NAMESPACE, "falco-operator"), within=60)
    return kube


@pytest.fixture(scope="module")
def namespace(installed, request):
    """A namespace of the module's own, with its `LABELS`; it goes in good order."""
    name = request.module.__name__.rpartition(".")[2].replace("_", "-")
    made = installed.namespace(name, **getattr(request.module, "LABELS", {}))
    yield made
    for kind in ("Falco", "Rulesfile", "Plugin", "Config"):
        installed.api.clear(kind, made.name)
    installed.api.delete("Namespace", "", made.name)
