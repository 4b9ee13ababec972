"""The operator as users run it: a process of its own, under its own ServiceAccount."""

import json
import os
import re
import signal
import sys
from http.client import HTTPConnection
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from deploy.local.process import Process, environment, wait_until
from tests.registries import LOCAL

COMMAND = Path(sys.executable).with_name("falco-operator")
ANY_PORT = "127.0.0.1:0"
# The registries of the tests are on this machine.
LOCAL_REGISTRIES = [f"--allow-local-registry={host}" for host in LOCAL]


def operator_kubeconfig(cluster, directory):
    """Makes who has it the operator's ServiceAccount."""
    path = directory / "operator.kubeconfig"
    return cluster.service_account_kubeconfig("falco-operator", "falco-operator", path)


class OperatorProcess:
    """Starts it, ends it either way, and asks what it serves; every start has a log of its own.

    It ends with the test run, however that ends. Port 0 everywhere: the log tells which it took.
    """

    command = COMMAND
    name = "the operator"

    def __init__(self, kubeconfig, directory, *, flags=(), variables=(), **addresses):
        self.kubeconfig = kubeconfig
        self.token_file = kubeconfig.with_name(f"{kubeconfig.name}.token")
        self.directory = directory
        addresses = {"metrics": ANY_PORT, "health_probe": ANY_PORT, "debug": ANY_PORT} | addresses
        self._flags = [
            *(f"--{name.replace('_', '-')}-bind-address={at}" for name, at in addresses.items()),
            f"--debug-dump-directory={directory}",
            *LOCAL_REGISTRIES,
            *flags,
        ]
        self._variables = {"KUBECONFIG": str(kubeconfig), **dict(variables)}
        self._runs: list[Process] = []

    @property
    def _process(self):
        return self._runs[-1]

    @property
    def log(self):
        """Of this run."""
        return self._process.log

    @property
    def pid(self):
        return self._process.pid

    @property
    def exit_code(self):
        """Of the last run, 128 + the signal if one ended it."""
        return self._process.exit_code

    @property
    def running(self):
        return any(run.running for run in self._runs)

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        for run in self._runs:
            run.stop()

    def launch(self):
        """Running, perhaps not ready."""
        self.directory.mkdir(parents=True, exist_ok=True)
        run = Process(
            self.name,
            [self.command, *self._flags],
            log=self.directory / f"{self.command.name}-{len(self._runs) + 1}.log",
            environment={**environment(self.directory), **self._variables},
            ready=self.is_ready,
        )
        self._runs.append(run)
        run.launch()

    def start(self):
        """Running and ready; otherwise it is stopped, and ProcessError shows the end of its log."""
        self.launch()
        try:
            self.wait_ready()
        except BaseException:
            self.kill()
            raise

    def wait_ready(self):
        wait_until(self.is_ready, f"{self.name} is ready", 60, needs=[self._process])

    def is_ready(self):
        return self.port("HealthServer") is not None and self.answer("Health", "/readyz")[0] == 200

    def stop(self):
        """Ended by SIGTERM; the exit code tells whether in good order."""
        self._process.stop()

    def kill(self):
        """Ended by SIGKILL."""
        self._process.kill()

    def wait(self, seconds):
        """Whether it ends by itself in time."""
        ended = self._process.wait(seconds)
        if ended:
            self._process.stop()  # closes the pipe to its guard
        return ended

    def signal(self, number):
        os.kill(self.pid, number)

    def metrics(self):
        status, body = self.answer("Metrics", "/metrics")
        assert status == 200
        return body

    def samples(self):
        """Every sample of /metrics: by name, by its labels in the order of their names."""
        found: dict[str, dict] = {}
        for family in text_string_to_metric_families(self.metrics()):
            for sample in family.samples:
                labels = tuple(value for _, value in sorted(sample.labels.items()))
                name = sample.name.removeprefix("falco_operator_")
                found.setdefault(name, {})[labels] = sample.value
        return found

    def reconciles(self):
        """How many reconciles of Falcos have ended."""
        runs = re.findall(r'reconcile_total{kind="Falco",.*} (.+)', self.metrics())
        return sum(map(float, runs))

    def dump(self, name=""):
        """The supervision tree, or the one actor of an object such as Falco/namespace/name."""
        status, body = self.answer("Debug", "/debug/actors" + (f"/{name}" if name else ""))
        assert status == 200, body
        return json.loads(body)

    def trace(self, falco):
        """What the actor of a Falco, namespace/name, did last; nothing if it has none."""
        status, body = self.answer("Debug", f"/debug/actors/Falco/{falco}")
        actor = json.loads(body)["actor"] if status == 200 else None
        return actor["trace"] if actor else []

    def dump_file(self):
        """The dump that SIGUSR1 asks for."""
        path = self.directory / f"{self.command.name}-{self.pid}-actors.json"
        path.unlink(missing_ok=True)
        self.signal(signal.SIGUSR1)
        wait_until(path.exists, "the dump is written", 60, needs=[self._process])
        return path

    def answer(self, server, path):
        """Status and body of a request to one of its servers: Metrics, Health or Debug."""
        connection = HTTPConnection("127.0.0.1", self.port(f"{server}Server"), timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except OSError:
            return 0, ""
        finally:
            connection.close()

    def port(self, server):
        found = re.search(rf"{server} listens on 127\.0\.0\.1:(\d+)", self.log.read_text())
        return int(found[1]) if found else None
