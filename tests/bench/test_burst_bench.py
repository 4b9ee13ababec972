"""What many Falcos at once cost, beside a client that does nothing but the same writes."""

import json
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from tests.bench.bare_plane import WARM, bare_plane, statuses
from tests.e2e.falcos import CHILDREN, Falcos
from tests.eventually import eventually
from tests.operator_process import OperatorProcess

pytestmark = pytest.mark.bench

BURST = 300
ROUNDS = 3
HEALTHY = 100
# Two writes of the Falco itself beside its children, and two Events.
WRITES = len(CHILDREN) + 2
MOST = 1.5


class Run(NamedTuple):
    """Seconds until the last status, CPU seconds of the client, and its peak memory in MiB."""

    seconds: float
    cpu: float
    peak: float


@pytest.fixture
def plane(tmp_path_factory):
    """Makes such planes, one after the other."""
    return lambda: bare_plane(tmp_path_factory.mktemp("burst"))


def by_the_operator(plane):
    """It runs and stands still while all Falcos are made."""
    with OperatorProcess(plane.kubeconfig, plane.directory) as operator:
        operator.start()
        plane.create(WARM, 1)
        eventually(lambda: plane.statuses(WARM))
        process = psutil.Process(operator.pid)
        operator.signal(signal.SIGSTOP)
        plane.create("burst", BURST)
        before = statuses(plane)
        began, cpu = time.time(), sum(process.cpu_times()[:2])
        operator.signal(signal.SIGCONT)
        eventually(lambda: statuses(plane) >= before + BURST, within=300)
        cpu = sum(process.cpu_times()[:2]) - cpu
        eventually(lambda: _events(plane) == 2 * BURST, within=60)
        return Run(max(plane.statuses("burst").values()) - began, cpu, _peak(operator.pid))


def by_the_bare_client(plane):
    plane.create(WARM, 1)
    _bare(plane, WARM)
    plane.create("burst", BURST)
    figures = _bare(plane, "burst")
    last = max(plane.statuses("burst").values())
    return Run(last - figures["began"], figures["cpu"], figures["peak"] / 2**20)


def _bare(plane, namespace):
    command = [sys.executable, "-m", "tests.bench.bare_client", str(plane.kubeconfig), namespace]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=Path.cwd())
    return json.loads(done.stdout)


def _events(plane):
    return sum(resource == "events" for resource, *_ in plane.written("burst"))


def _peak(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def test_a_burst_takes_little_longer_than_its_writes_alone(plane):
    runs: dict[str, list[Run]] = {"bare client": [], "operator": []}
    for _ in range(ROUNDS):
        for name, run in (("bare client", by_the_bare_client), ("operator", by_the_operator)):
            with plane() as fresh:
                runs[name].append(run(fresh))
                writes = Counter(resource for resource, *_ in fresh.written("burst"))
                assert sum(writes.values()) - writes["events"] == WRITES * BURST, writes
    figures = {
        name: {
            field: round(statistics.median(getattr(run, field) for run in of), 2)
            for field in Run._fields
        }
        for name, of in runs.items()
    }
    ratio = figures["operator"]["seconds"] / figures["bare client"]["seconds"]
    print(json.dumps({"falcos": BURST, **figures, "ratio": round(ratio, 2)}))
    assert ratio <= MOST


def test_a_restart_with_a_hundred_healthy_falcos_writes_nothing_and_lists_each_selection_once(
    api, audit, namespace, operator
):
    falcos = Falcos(api, namespace)
    names = [f"falco-{number}" for number in range(HEALTHY)]
    for number, name in enumerate(names):
        # One pod each: a hundred times three do not fit the three nodes.
        node = {"kubernetes.io/hostname": f"node-{number % 3 + 1}"}
        falcos.create(name, podTemplateSpec={"spec": {"nodeSelector": node}})
    for name in names:
        falcos.becomes(name, within=120, Reconciled="True", Available="True")
    operator.stop()
    mark, began = audit.mark(), time.monotonic()
    operator.start()
    ready = time.monotonic() - began
    for name in names:
        eventually(lambda name=name: operator.trace(f"{namespace}/{name}"))
    requests = audit.since(mark).unwatched
    process = psutil.Process(operator.pid)
    figures = {
        "falcos": HEALTHY,
        "seconds until ready": round(ready, 2),
        "cpu": round(sum(process.cpu_times()[:2]), 2),
        "rss MiB": round(process.memory_info().rss / 2**20, 1),
        "lists": len(requests.lists),
    }
    print(json.dumps(figures))
    assert not requests.writes
    assert not requests.events
    listed = Counter((r.resource, r.namespace, r.selector) for r in requests.lists)
    assert set(listed.values()) == {1}, listed
