"""A large cluster as a whole: a thousand Falcos, ten thousand nodes, fifty artifacts.

Run by `make show` alone, as it takes long: memory of the operator, answers of its probes and how
long they took, from the start on, through a burst of Falcos and a rollout to all nodes. The
answers come from the one loop, so the longest of them bounds the longest stall of the loop.
"""

import json
import os
import statistics
import threading
import time

import psutil
import pytest

from tests.bench.bare_plane import WARM, bare_plane, statuses
from tests.bench.large_cluster import LargeCluster
from tests.bench.process_memory import peak, reset_peak, settled
from tests.eventually import eventually
from tests.operator_process import OperatorProcess

pytestmark = pytest.mark.show

FALCOS, NODES, ARTIFACTS = (
    int(os.environ.get(name, default))
    for name, default in (("FALCOS", 1_000), ("NODES", 10_000), ("ARTIFACTS", 50))
)
# Seconds between two probes, and after which the kubelet takes one for failed by default.
PERIOD, DEADLINE = 0.05, 1.0
# Failed probes in a row after which the kubelet restarts a container by default.
MOST_FAILED = 3
# MiB above an idle operator at the peak of a start.
MOST_AT_START = 40


class Probes:
    """Asks for /healthz all the time while in the context."""

    def __init__(self, operator):
        self._operator = operator
        self._over = threading.Event()
        self._asking = threading.Thread(target=self._ask, daemon=True)
        self.seconds: list[float] = []
        self.failed = 0
        self.most_in_a_row = 0

    def __enter__(self):
        self._asking.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._asking.join()

    def _ask(self):
        in_a_row = 0
        while not self._over.wait(PERIOD):
            begun = time.monotonic()
            status, _ = self._operator.answer("Health", "/healthz")
            self.seconds.append(time.monotonic() - begun)
            has_failed = status != 200 or self.seconds[-1] > DEADLINE
            self.failed += has_failed
            in_a_row = in_a_row + 1 if has_failed else 0
            self.most_in_a_row = max(self.most_in_a_row, in_a_row)

    @property
    def figures(self):
        return {
            "probes": len(self.seconds),
            "answered within a second": len(self.seconds) - self.failed,
            "failed in a row": self.most_in_a_row,
            "p99 ms": round(statistics.quantiles(self.seconds, n=100)[98] * 1000, 1),
            "max ms": round(max(self.seconds) * 1000, 1),
        }


class Show:
    """The operator in that cluster, phase by phase."""

    def __init__(self, plane, operator):
        self.plane = plane
        self.operator = operator
        operator.start()
        plane.create(WARM, 1)
        eventually(lambda: plane.statuses(WARM))
        self.idle = settled(operator.pid)
        operator.stop()
        self.figures = {"idle MiB": round(self.idle / 1024, 1)}

    def phase(self, name, act, is_over):
        """What an act costs until it is over."""
        process, before = psutil.Process(self.operator.pid), statuses(self.plane)
        cpu = sum(process.cpu_times()[:2])
        with Probes(self.operator) as probes:
            begun = time.monotonic()
            act()
            eventually(is_over, within=1800)
            seconds = time.monotonic() - begun
        at_peak, after = peak(self.operator.pid), settled(self.operator.pid)
        self.figures[name] = {
            "seconds": round(seconds, 1),
            "CPU seconds": round(sum(process.cpu_times()[:2]) - cpu, 1),
            "status writes": statuses(self.plane) - before,
            "MiB above idle at the peak": round((at_peak - self.idle) / 1024, 1),
            "settled": round((after - self.idle) / 1024, 1),
            **probes.figures,
        }
        print(json.dumps({name: self.figures[name]}), flush=True)
        reset_peak(self.operator.pid)

    def start(self):
        self.operator.launch()
        eventually(lambda: self.operator.port("HealthServer") is not None)


def test_a_thousand_falcos_on_ten_thousand_nodes(tmp_path):
    with bare_plane(tmp_path) as plane, OperatorProcess(plane.kubeconfig, tmp_path) as operator:
        show = Show(plane, operator)
        fleet = LargeCluster(plane.cluster, plane.api, "fleet", NODES, ARTIFACTS)
        fleet.fill()
        show.start()
        show.phase(
            "start with all nodes",
            lambda: None,
            lambda: all(fleet.is_programmed(artifact) for artifact in fleet.artifacts),
        )
        before = statuses(plane)
        show.phase(
            "burst of Falcos",
            lambda: plane.create("burst", FALCOS),
            lambda: statuses(plane) >= before + FALCOS,
        )
        changed = []
        show.phase(
            "rollout to all nodes",
            lambda: changed.append(fleet.roll_out()),
            lambda: fleet.is_programmed(changed[0]),
        )
        operator.stop()
        show.start()
        show.phase(
            "restart with all of it",
            lambda: None,
            lambda: operator.trace(f"burst/falco-{FALCOS - 1}"),
        )
        print(json.dumps(show.figures, indent=1))
        assert show.figures["start with all nodes"]["MiB above idle at the peak"] <= MOST_AT_START
        assert all(
            phase["failed in a row"] < MOST_FAILED
            for phase in show.figures.values()
            if isinstance(phase, dict)
        )
