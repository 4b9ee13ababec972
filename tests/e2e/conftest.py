import os
import signal
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import pytest

from deploy.local import Registry
from resources.kubernetes.kinds import ARTIFACTS
from tests.api import manifest
from tests.e2e.examples import Examples
from tests.e2e.falcos import Falcos
from tests.e2e.fleet import Fleet
from tests.e2e.references import References, of_namespace
from tests.eventually import eventually
from tests.operator_process import OperatorProcess, operator_kubeconfig

# Looks back at all that the operators of the run have asked for.
_LAST = "test_rights.py"
_left_out = pytest.StashKey[list[pytest.Item]]()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path.name == _LAST)


def pytest_deselected(items):
    for item in items:
        if not item.get_closest_marker("bench"):
            item.config.stash.setdefault(_left_out, []).append(item)


@pytest.fixture
def whole_run(request):
    """Skips the test unless all end-to-end tests are in the run; benchmarks need not be."""
    config = request.config
    files = {item.path for item in request.session.items}
    missing = set(Path(__file__).parent.glob("test_*.py")) - files
    if missing or config.stash.get(_left_out, []) or any("::" in name for name in config.args):
        pytest.skip("judges all end-to-end tests together, and some are not in this run")


@pytest.fixture
def falcos(api, namespace):
    """The Falcos of the test's namespace."""
    return Falcos(api, namespace)


@pytest.fixture
def places(api, operator, namespaces):
    """Makes namespaces for artifacts; in the end nothing of them is protected or watched."""
    made = []

    def make():
        made.append(References(api, namespaces()))
        return made[-1]

    yield make
    if not operator.running:
        operator.start()
    for place, kind in product(made, ARTIFACTS):
        api.clear(kind, place.namespace)
    eventually(lambda: not any(of_namespace(operator, place.namespace) for place in made))


@pytest.fixture
def references(places):
    """One such namespace."""
    return places()


@pytest.fixture
def fleet(cluster, api, namespace, tmp_path):
    """The sidecars of the test's namespace; whatever is left of them ends with the test."""
    made = Fleet(cluster, api, namespace, tmp_path)
    yield made
    made.stop()


@pytest.fixture
def registry(tmp_path):
    """A registry over plain HTTP."""
    with Registry(tmp_path / "registry") as started:
        yield started


@pytest.fixture(scope="module")
def examples(cluster, api, tmp_path_factory):
    """Every example, carried out by an operator of this module's own: no test may start another."""
    directory = tmp_path_factory.mktemp("examples")
    with OperatorProcess(operator_kubeconfig(cluster, directory), directory) as operator:
        operator.start()
        api.create(manifest("Namespace", "", directory.name))
        examples = Examples(cluster, api, directory.name)
        examples.apply()
        yield examples
        examples.clear()


@pytest.fixture
def paused(cluster):
    """Stands a process of the control plane still for the length of a context."""
    processes = {process.name: process for process in cluster.processes}

    @contextmanager
    def pause(name):
        os.kill(processes[name].pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(processes[name].pid, signal.SIGCONT)

    return pause
