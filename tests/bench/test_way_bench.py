"""Through how many files a resource goes on its way, which is what a newcomer has to read."""

import json
import signal
from pathlib import Path
from uuid import uuid4

import pytest

from tests.api import manifest
from tests.e2e.costs import rule
from tests.e2e.fleet import Fleet
from tests.eventually import eventually
from tests.operator_process import OperatorProcess, operator_kubeconfig

pytestmark = pytest.mark.bench

ROOT = Path(__file__).parents[2]
TRACED = Path(__file__).parent / "traced"


class Trace:
    """What a traced process and its children write down."""

    def __init__(self, path):
        self._path = path
        self.variables = {
            "PYTHONPATH": str(TRACED),
            "TRACE_FILE": str(path),
            "TRACE_ROOT": str(ROOT),
        }

    def begin(self, process):
        """Count from now on."""
        process.signal(signal.SIGUSR2)
        eventually(lambda: f"{process.pid} begin" in self._lines())

    def until(self, process, mark):
        """The files that have run since, up to a line that begins so: by process and by child."""
        lines = [line.split(" ", 1) for line in eventually(lambda: self._before(mark), within=60)]
        files = [(int(pid) == process.pid, text) for pid, text in lines if text.endswith(".py")]
        own = {file for is_own, file in files if is_own}
        return sorted(own), sorted({file for _, file in files} - own)

    def _before(self, mark):
        lines = self._lines()
        texts = [line.split(" ", 1)[1] for line in lines]
        start = len(texts) - texts[::-1].index("begin")
        ends = [at for at in range(start, len(texts)) if texts[at].startswith(mark)]
        return lines[start : ends[0]] if ends else None

    def _lines(self):
        return self._path.read_text().splitlines() if self._path.exists() else []


def tell(what, files, of_children=()):
    counts = {"files": len(files), "more in the child": len(of_children)}
    print(json.dumps({what: counts, "they are": [*files, *of_children]}, indent=1))


def test_from_the_watch_event_of_a_falco_to_its_first_write(cluster, api, tmp_path):
    trace = Trace(tmp_path / "trace")
    kubeconfig = operator_kubeconfig(cluster, tmp_path)
    with OperatorProcess(kubeconfig, tmp_path, variables=trace.variables) as operator:
        operator.start()
        namespace = f"test-{uuid4().hex[:8]}"
        api.create(manifest("Namespace", "", namespace))
        trace.begin(operator)
        api.create(manifest("Falco", namespace, "falco"))
        tell(
            "files from the watch event of a Falco to its first write",
            *trace.until(operator, "PATCH"),
        )
        api.clear("Falco", namespace)
        api.delete("Namespace", "", namespace)


@pytest.mark.usefixtures("operator")
def test_from_the_watch_event_of_inline_rules_to_their_file(cluster, api, namespace, tmp_path):
    trace = Trace(tmp_path / "trace")
    fleet = Fleet(cluster, api, namespace, tmp_path, variables=trace.variables)
    try:
        fleet.falco(type="Deployment", replicas=1).start()
        (node,) = fleet.sidecars
        fleet.apply("Rulesfile", "before", inlineRules=[rule("before", "it happened")])
        fleet.programmed("Rulesfile", "before")  # so that nothing else is under way
        trace.begin(node)
        fleet.apply("Rulesfile", "rules", inlineRules=[rule("rules", "it happened")])
        files = trace.until(node, "renamed 50-03-rules-inline.yaml")
    finally:
        fleet.stop()
    tell("files from the watch event of inline rules to their rename", *files)
