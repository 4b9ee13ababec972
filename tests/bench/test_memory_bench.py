"""What the operator's memory is made of."""

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.api import manifest
from tests.eventually import eventually

pytestmark = pytest.mark.bench

# In this order each pays for itself alone; what two of them share is paid by the first.
PARTS = {
    "interpreter": "",
    "asyncio": "import asyncio",
    "msgspec": "import msgspec",
    "aiohttp client": "import aiohttp",
    "kubernetes-asyncio, lean": (
        "from actors.api import lean_import as lean; lean.rest_class(); lean.in_cluster_loader()"
    ),
    "kubeconfig loader, PyYAML": "lean.kubeconfig_loader()",
    "pykka": "import pykka",
    "prometheus-client": "import supervisors.process.metrics",
    "uvloop": "import uvloop",
    "HTTP servers": "import supervisors.process.servers",
    "our modules": "import supervisors.operator",
    "TLS context": "import ssl; context = ssl.create_default_context()",
}
PROGRAM = f"""
import sys
def rss():
    with open('/proc/self/statm') as statm:
        return int(statm.read().split()[1]) * 4
before, sizes = 0, {{}}
for name, code in {PARTS!r}.items():
    exec(code)
    sizes[name], before = rss() - before, rss()
sizes['modules'] = len(sys.modules)
import json
print(json.dumps(sizes))
"""


def test_modules_by_their_size():
    """KiB of resident memory that each part adds, once its bytecode is compiled."""
    run = [sys.executable, "-c", PROGRAM]
    subprocess.run(run, check=True, capture_output=True, cwd=Path.cwd())
    print(subprocess.run(run, check=True, capture_output=True, text=True, cwd=Path.cwd()).stdout)


def test_idle_operator_with_one_falco(api, operator, namespace):
    process = psutil.Process(operator.pid)
    empty = process.memory_full_info()
    api.create(manifest("Falco", namespace, "falco"))
    eventually(lambda: _is_available(api.get("Falco", namespace, "falco")), within=60)
    info = process.memory_full_info()
    figures = {
        "rss MiB": round(info.rss / 2**20, 1),
        "uss MiB": round(info.uss / 2**20, 1),
        "rss without Falco MiB": round(empty.rss / 2**20, 1),
        "threads": process.num_threads(),
        "connections": len(process.net_connections("tcp")),
    }
    print(json.dumps(figures))
    assert info.rss < 55 * 2**20


def _is_available(falco):
    conditions = falco.get("status", {}).get("conditions", [])
    return any(c["type"] == "Available" and c["status"] == "True" for c in conditions)
