"""What each of a thousand Falcos takes: at the peak of their burst, after it, after a restart."""

import json
import signal

import pytest

from tests.bench.bare_plane import WARM, bare_plane, statuses
from tests.bench.process_memory import peak, reset_peak, settled
from tests.eventually import eventually
from tests.operator_process import OperatorProcess

pytestmark = pytest.mark.bench

FALCOS = 1000
# KiB a Falco.
MOST_SETTLED, MOST_AT_PEAK = 30, 60


def test_a_falco_takes_little_memory(tmp_path):
    with bare_plane(tmp_path) as fresh, OperatorProcess(fresh.kubeconfig, tmp_path) as operator:
        operator.start()
        fresh.create(WARM, 1)
        eventually(lambda: fresh.statuses(WARM))
        idle = settled(operator.pid)
        of_burst = after_burst(fresh, operator)
        operator.stop()
        operator.start()
        eventually(lambda: operator.trace(f"burst/falco-{FALCOS - 1}"), within=120)
        of_restart = (settled(operator.pid), peak(operator.pid))
    at_peak, after, restarted, restart_peak = (
        round((kib - idle) / FALCOS, 1) for kib in (*of_burst, *of_restart)
    )
    figures = {
        "falcos": FALCOS,
        "idle MiB": round(idle / 1024, 1),
        "KiB a Falco at the peak of a burst": at_peak,
        "settled": after,
        "after a restart": restarted,
        "at the peak of a restart": restart_peak,
    }
    print(json.dumps(figures))
    assert max(after, restarted) <= MOST_SETTLED
    assert max(at_peak, restart_peak) <= MOST_AT_PEAK


def after_burst(fresh, operator):
    """The peak and what stays, once each Falco has its status; all were made at once."""
    operator.signal(signal.SIGSTOP)
    fresh.create("burst", FALCOS)
    before = statuses(fresh)
    reset_peak(operator.pid)
    operator.signal(signal.SIGCONT)
    eventually(lambda: statuses(fresh) >= before + FALCOS, within=600)
    after = settled(operator.pid)
    return peak(operator.pid), after
