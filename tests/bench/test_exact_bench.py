"""What it costs to ask Falco: time and memory of a check with its dry run, and without."""

import json
import os
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from resources.artifact.medium import Medium
from resources.check.check_request import Context
from resources.configuration.base import base_config
from resources.node.files import Directory
from resources.node.plan import Plan, PlannedSlot
from resources.node.slots import Content, SlotId, SlotVersion
from resources.rules.versions import versions_of
from sidecar.check.node_check import NodeCheck
from sidecar.check.pod_falco import PodFalco
from sidecar.check.verdicts import Verdicts
from tests.e2e.costs import rule
from tests.sidecar.volume.node_directories import started

VERSION = "0.44.1"
pytestmark = [
    pytest.mark.bench,
    pytest.mark.real_falco,
    pytest.mark.skipif(
        "FALCO_ROOT" not in os.environ,
        reason="FALCO_ROOT names no directory with a real Falco (README.md)",
    ),
]
MEBIBYTE = 1 << 20
FALCO = Path(os.environ.get("FALCO_ROOT", "/nonexistent"))
# What the limit of the sidecar's memory leaves beside the sidecar itself.
MOST = 256
TRIES = 5


class Descendants:
    """The most memory that all descendants of this process held together, for themselves alone.

    Those that have been forked and run no other program yet are left out.
    """

    def __init__(self):
        self._over = threading.Event()
        self._watching = threading.Thread(target=self._watch, daemon=True)
        self.peak = 0

    def __enter__(self):
        self._watching.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._watching.join()

    def _watch(self):
        this = psutil.Process()
        forked = this.cmdline()
        while not self._over.wait(0.002):
            with suppress(psutil.Error):
                found = [
                    child for child in this.children(recursive=True) if child.cmdline() != forked
                ]
                self.peak = max(self.peak, sum(child.memory_full_info().uss for child in found))


def planned(volume):
    """Twenty rules files of ten rules each."""
    texts = {
        f"r{number}": json.dumps([rule(f"r{number} {i}", "it") for i in range(10)])
        for number in range(20)
    }
    slots = []
    for name, text in texts.items():
        digest = volume.blobs.put(Directory.RULES, text.encode())
        version = SlotVersion(f"50-03-{name}-inline.yaml", "", Content(digest, "x"), None)
        slots.append(PlannedSlot(SlotId("Rulesfile", name, "u", Medium.INLINE), version, None))
    return Plan(tuple(slots), {})


@pytest.mark.parametrize("image", [None, FALCO], ids=["without Falco", "with Falco"])
async def test_a_check_of_twenty_files_with_two_hundred_rules(tmp_path, image):
    root = tmp_path / "root"
    (root / "etc/falco").mkdir(parents=True)
    (root / "etc/falco/falco.yaml").write_text(base_config("Deployment", "0.44.1"))
    volume = started(root)
    falco = PodFalco(image, root, "node-1", lambda: 20.0)
    took, peaks, runs = [], [], []
    for number in range(TRIES):
        kept = tmp_path / str(number)
        kept.mkdir()
        check = NodeCheck(
            volume, Context(falco_version=VERSION), falco, Verdicts(kept), lambda _verdict: None
        )
        with Descendants() as descendants:
            began = time.perf_counter()
            verdict = await check.ask(planned(volume), versions_of(VERSION))
            took.append(time.perf_counter() - began)
        assert set(verdict.chosen.values()) == {"wanted"}
        assert bool(verdict.unasked) is (image is None)
        peaks.append(descendants.peak / MEBIBYTE)
        runs.append(verdict.dry_runs)
        again = await check.ask(planned(volume), versions_of(VERSION))
        assert again.dry_runs == 0
    figures = {"seconds": round(min(took), 2), "MiB": round(max(peaks), 1), "dry runs": max(runs)}
    print(json.dumps({f"a check {'with' if image else 'without'} Falco": figures}))
    assert max(peaks) < MOST
