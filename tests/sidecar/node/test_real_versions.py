"""What a real Falco says of its versions, beside what is known of its release."""

import asyncio
import os
import subprocess
from contextlib import contextmanager
from pathlib import Path

from deploy.local.process import free_port
from resources.check.check_request import WebServer
from resources.configuration.base import base_config
from resources.rules.versions import versions_of
from sidecar.node.falco_client import FalcoAway, ask_falco
from tests.sidecar.check.test_real_falco import FALCO, pytestmark  # noqa: F401 - skips without one

RULES = "- rule: One\n  desc: d\n  condition: evt.type = open\n  output: o\n  priority: NOTICE\n"


@contextmanager
def running(directory: Path, port: int):
    for name in ("rules.d", "config.d"):
        (directory / name).mkdir()
    (directory / "rules.d" / "one.yaml").write_text(RULES)
    text = base_config("Deployment", "0.44.1", port).replace("/etc/falco/", f"{directory}/")
    (directory / "falco.yaml").write_text(text)
    command = [str(FALCO / "usr/bin/falco"), "-c", str(directory / "falco.yaml")]
    environment = {**os.environ, "HOST_ROOT": "/"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as falco:
        try:
            yield
        finally:
            falco.terminate()


async def answer(port):
    """What Falco says once it has started."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await ask_falco(WebServer(port=port))
            except FalcoAway:
                await asyncio.sleep(0.1)


async def test_a_falco_says_the_versions_that_are_known_of_its_release(tmp_path):
    port = free_port()
    with running(tmp_path, port):
        told = await answer(port)
    assert told.versions == versions_of("0.44.1")
    assert list(told.rules) == ["one.yaml"]
