"""The dump of all actors: whole on disk, and there on a signal."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import os
import random
import signal
import stat

import pytest

from actors.runtime.clock import SystemClock
from actors.runtime.context import Runtime
from supervisors.debug import dump
from supervisors.debug.dump import SignalDump
from tests.supervisors.serving.clients import running


@pytest.fixture(autouse=True)
def signal_restored():
    """Gives SIGUSR1 back to whoever had it."""
    before = signal.getsignal(signal.SIGUSR1)
    yield
    signal.signal(signal.SIGUSR1, before)


@pytest.fixture
def runtime():
    """The real clock, and no observer."""
    return Runtime(SystemClock(), random.Random(1))


def test_a_file_is_for_its_owner_only_and_replaces_the_last(tmp_path):
    first = dump.write(b"1", "program", tmp_path)
    second = dump.write(b"2", "program", tmp_path)
    assert first == second == tmp_path / f"program-{os.getpid()}-actors.json"
    assert second.read_bytes() == b"2"
    assert stat.S_IMODE(second.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [second]


def test_a_small_dump_is_indented_and_a_large_one_compressed(tmp_path):
    assert dump.write(b'{"a":1}', "program", tmp_path).read_bytes() == b'{\n  "a": 1\n}'
    large = json.dumps(["a name"] * 500_000).encode()
    path = dump.write(large, "program", tmp_path)
    assert path.name == f"program-{os.getpid()}-actors.json.gz"
    assert gzip.decompress(path.read_bytes()) == large
    assert path.stat().st_size < len(large) / 10


def test_a_link_in_its_place_is_replaced_and_not_followed(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / f"program-{os.getpid()}-actors.json").symlink_to(victim)
    assert not dump.write(b"1", "program", tmp_path).is_symlink()
    assert victim.read_text() == "precious"


def test_a_file_that_cannot_be_put_in_place_leaves_nothing_behind(tmp_path):
    (tmp_path / f"program-{os.getpid()}-actors.json").mkdir()
    with pytest.raises(OSError, match="Is a directory"):
        dump.write(b"1", "program", tmp_path)
    assert len(list(tmp_path.iterdir())) == 1


async def test_a_signal_writes_the_tree_as_it_is_then(runtime, tmp_path, told):
    tree = {"state": "before"}
    async with running(SignalDump(runtime, "program", lambda: tree, tmp_path)):
        for tree["state"] in ("first", "second"):
            os.kill(os.getpid(), signal.SIGUSR1)
            assert await told.next() == f"wrote the dump of all actors to {path_in(tmp_path)}"
            assert json.loads(path_in(tmp_path).read_bytes()) == tree


async def test_a_dump_that_cannot_be_written_follows_on_stderr(runtime, tmp_path, told, capfd):
    tree = {"name": "operator", "children": []}
    async with running(SignalDump(runtime, "program", lambda: tree, tmp_path / "missing")):
        os.kill(os.getpid(), signal.SIGUSR1)
        assert "the dump of all actors follows" in await told.next()
        (tmp_path / "missing").mkdir()
        os.kill(os.getpid(), signal.SIGUSR1)
        assert "wrote the dump of all actors" in await told.next()
    [line] = [line for line in capfd.readouterr().err.splitlines() if line.startswith("{")]
    assert json.loads(line) == tree


async def test_the_signal_is_harmless_when_the_actor_has_stopped(runtime, tmp_path):
    async with running(SignalDump(runtime, "program", dict, tmp_path)):
        pass
    os.kill(os.getpid(), signal.SIGUSR1)
    assert list(tmp_path.iterdir()) == []


def path_in(directory):
    return directory / f"program-{os.getpid()}-actors.json"


class Told(logging.Handler):
    """Hands out what the dump logs, as it comes."""

    def __init__(self):
        super().__init__()
        self.messages = asyncio.Queue[str]()

    def emit(self, record):
        self.messages.put_nowait(record.getMessage())

    async def next(self):
        return await asyncio.wait_for(self.messages.get(), 60)


@pytest.fixture
def told(caplog):
    caplog.set_level(logging.INFO, logger=dump.__name__)
    handler = Told()
    logger = logging.getLogger(dump.__name__)
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)
