"""A real Falco that runs, without a driver, on the files of a node that change all the time."""

import asyncio
import json
import os
import random
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from actors.runtime.clock import SystemClock
from resources.configuration.base import base_config
from resources.node.files import Directory
from sidecar.node.falco_client import ask_falco
from sidecar.volume.disk import Disk
from sidecar.volume.volume import Volume
from tests.eventually import soon
from tests.sampled import examples
from tests.sidecar.node.simulated_node import SimulatedNode

pytestmark = [
    pytest.mark.real_falco,
    pytest.mark.skipif(
        "FALCO_ROOT" not in os.environ,
        reason="FALCO_ROOT names no directory with a real Falco (README.md)",
    ),
]

FALCO = Path(os.environ.get("FALCO_ROOT", "/nonexistent"))
# It takes Falco as long to load these as the official rules.
MANY_RULES = 1000


class LiveFalco:
    """With many rules beside those that come and go, so that loading takes its time."""

    def __init__(self, root):
        self._root = root
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        for place in Directory:
            (root / place.value).mkdir(parents=True)
        rules = "".join(rule(f"rule {number}", number) for number in range(MANY_RULES))
        (root / Directory.RULES.value / "theirs.yaml").write_text(rules)
        text = base_config("Deployment", "0.44.1", self.port)
        for place in Directory:
            text = text.replace(f"/{place.value}", str(root / place.value))
        (root / "falco.yaml").write_text(text)

    async def ask(self, server):
        return await ask_falco(replace(server, port=self.port))

    @contextmanager
    def running(self):
        command = [FALCO / "usr/bin/falco", "-c", self._root / "falco.yaml"]
        environ = {"HOST_ROOT": "/", "LD_LIBRARY_PATH": str(FALCO / "usr/lib")}
        with (self._root / "log").open("wb") as log:
            process = subprocess.Popen(command, env=environ, stdout=log, stderr=log)
            try:
                yield process
            finally:
                process.terminate()
                process.wait()

    @property
    def log(self):
        return (self._root / "log").read_text(errors="replace")


def rule(name, number):
    condition = f"evt.type = open and proc.name = p{number}"
    texts = f"condition: {condition}, desc: d, output: o, priority: NOTICE"
    return f"- {{rule: {name}, {texts}}}\n"


class Edits:
    """Rulesfiles and Configs that come, change and go at random; how long each took to load."""

    def __init__(self, node):
        self._node = node
        self._chance = random.Random(1)
        self.wanted: dict[tuple[str, str], str] = {}
        self._since: dict[tuple[str, str], float] = {}
        self.waits: list[float] = []
        node.at_each_report.append(self.look)

    async def make(self, batches):
        for number in range(batches):
            for _ in range(self._chance.randint(1, 3)):
                self._edit(number)
            await asyncio.sleep(self._chance.uniform(0.02, 1.5))

    def _edit(self, number):
        kind = self._chance.choice(["Rulesfile", "Rulesfile", "Config"])
        name = f"{kind[0].lower()}{self._chance.randint(0, 9)}"
        if (kind, name) in self.wanted and self._chance.random() < 0.35:
            del self.wanted[kind, name]
            self._node.delete(kind, name)
            return
        text = f"{number}"
        body = f"- macro: {name}\n  condition: proc.pid = {number}\n"
        self._node.put(kind, name, text, body if kind == "Rulesfile" else "buffered_outputs: true")
        self.wanted[kind, name] = text
        self._since[kind, name] = time.monotonic()

    def look(self):
        for key, (text, _, _, loaded, _) in self._node.reports().items():
            if loaded == "True" and self.wanted.get(key) == text and key in self._since:
                self.waits.append(time.monotonic() - self._since.pop(key))

    def is_loaded(self):
        expected = {
            key: (text, "Programmed", None, "True", None) for key, text in self.wanted.items()
        }
        return self._node.reports() == expected


@examples(20, 200)
async def test_under_batches_at_random_distances_it_does_not_exit_and_loads_every_file(
    quick_directory, examples
):
    falco = LiveFalco(quick_directory)
    node = SimulatedNode(Volume(quick_directory, Disk()), SystemClock(), falco)
    edits = Edits(node)

    await soon(lambda: node.state.times.newest)  # the sidecar starts before Falco
    node.listed()
    node.open_gate()
    with falco.running() as process:
        await soon(lambda: node.state.tells, 60)
        await edits.make(examples)
        await soon(edits.is_loaded, 60)
        assert process.poll() is None
        answer = await falco.ask(node.state.web_server)
        on_disk = {path.name for path in (quick_directory / Directory.RULES.value).glob("*.yaml")}
        assert set(answer.rules) == on_disk
        await node.stop()
    assert "hot restart failure" not in falco.log
    waits = sorted(edits.waits)
    figures = {"p50": waits[len(waits) // 2], "max": waits[-1]}
    figures |= {"batches": node.state.batches, "renewals": node.state.renewals}
    print(json.dumps(figures))  # noqa: T201 - for whoever asks for it by -s


async def test_what_it_refuses_is_taken_back_and_it_starts_again(quick_directory):
    falco = LiveFalco(quick_directory)
    node = SimulatedNode(Volume(quick_directory, Disk()), SystemClock(), falco)
    node.state.deadline = 6.0

    def told():
        return node.reports().get(("Rulesfile", "a"), ())[1:]

    await soon(lambda: node.state.times.newest)
    node.listed()
    node.open_gate()
    with falco.running():
        node.put("Rulesfile", "a", "good", "- macro: a\n  condition: proc.pid = 1\n")
        await soon(lambda: told() == ("Programmed", None, "True", None), 60)
        before = (quick_directory / Directory.RULES.value / "50-03-a-inline.yaml").read_bytes()
        node.put("Rulesfile", "a", "bad", "- macro: a\n  condition: nonsense ==\n")
        refused = ("Failed", "InvalidContent", "False", "InvalidContent")
        await soon(lambda: told() == refused, 60)
        assert "hot restart failure" in falco.log
    after = (quick_directory / Directory.RULES.value / "50-03-a-inline.yaml").read_bytes()
    assert after == before
    with falco.running():
        await soon(lambda: "Starting health webserver" in falco.log, 60)
    await node.stop()
