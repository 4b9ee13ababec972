import os
import signal
from contextlib import contextmanager
from itertools import product

import pytest

from resources.references import ARTIFACTS
from tests.api import manifest
from tests.e2e.examples import Examples
from tests.e2e.falcos import Falcos
from tests.e2e.references import References, of_namespace
from tests.eventually import eventually
from tests.operator_process import OperatorProcess, operator_kubeconfig


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
