import os
import signal
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import pytest

from deploy.local.registry import Registry
from resources.kubernetes.kinds import ARTIFACTS
from tests.api import manifest
from tests.audit import AuditLog
from tests.e2e.examples import Examples
from tests.e2e.falcos import Falcos
from tests.e2e.fleet import Fleet
from tests.e2e.references import References, of_namespace
from tests.eventually import eventually
from tests.operator_process import OperatorProcess, operator_kubeconfig
from tests.sampled import is_left_to_prove

# This module judges the requests of all operators of the run.
_LAST = "test_rights.py"
# A worker of pytest-xdist leaves this file in its base directory when it ends.
_ENDED = "ended"
# The other workers have at most one module left each when this worker has none.
_OTHERS_END_WITHIN = 900
_left_out = pytest.StashKey[list[pytest.Item]]()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """End-to-end tests come first: the short tests after them keep all workers busy to the end."""
    here = Path(__file__).parent
    items.sort(key=lambda item: (item.path.name == _LAST, item.path.parent != here))


def pytest_deselected(items):
    for item in items:
        if not item.get_closest_marker("bench") and not is_left_to_prove(item):
            item.config.stash.setdefault(_left_out, []).append(item)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    if hasattr(session.config, "workerinput"):
        (_base_directory(session.config) / _ENDED).touch()


def _base_directory(config):
    """This process keeps the files of its tests here; a worker's is a folder of the run's."""
    return config._tmp_path_factory.getbasetemp()


@pytest.fixture
def whole_run(request, audit):
    """The audit logs of all control planes, once every end-to-end test of the run has ended.

    The test is skipped unless all of these tests are in the run; benchmarks and the cases that
    only `make prove` runs may be missing.
    """
    config = request.config
    files = {item.path for item in request.session.items}
    missing = set(Path(__file__).parent.glob("test_*.py")) - files
    if missing or config.stash.get(_left_out, []) or any("::" in name for name in config.args):
        pytest.skip("judges all end-to-end tests together, and some are not in this run")
    audit.mark()
    ours = _base_directory(config)
    if not hasattr(config, "workerinput"):
        return [AuditLog(path) for path in ours.glob("control-plane*/audit.log")]
    others = config.workerinput["workercount"] - 1
    eventually(lambda: len(list(ours.parent.glob(f"*/{_ENDED}"))) == others, _OTHERS_END_WITHIN)
    return [AuditLog(path) for path in ours.parent.glob("*/control-plane*/audit.log")]


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
