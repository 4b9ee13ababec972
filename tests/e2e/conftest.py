import os
import signal
from contextlib import contextmanager

import pytest

from tests.api import manifest
from tests.e2e.examples import Examples
from tests.e2e.falcos import Falcos
from tests.operator_process import OperatorProcess, operator_kubeconfig


@pytest.fixture
def falcos(api, namespace):
    """The Falcos of the test's namespace."""
    return Falcos(api, namespace)


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
