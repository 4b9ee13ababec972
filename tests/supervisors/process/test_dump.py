"""The dump of all actors: bounded, whole on disk, and there on a signal."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import signal
import stat

import pytest

from actors.runtime.clock import SystemClock
from actors.runtime.context import Runtime
from supervisors.process import dump
from supervisors.process.dump import SignalDump
from tests.supervisors.process.serving import running


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


def test_a_tree_of_ordinary_size_is_told_whole():
    tree = {"name": "operator", "mail": 0, "timer": None, "children": [{"up": True, "wait": 0.5}]}
    assert json.loads(dump.encode(tree)) == tree
    assert json.loads(dump.encode(tree, indent=2)) == tree


def test_what_is_too_long_too_many_or_too_deep_is_cut_and_said_to_be():
    deep = json.loads("[" * 100 + "]" * 100)
    tree = {
        "text": "x" * 5_000,
        "list": list(range(2_500)),
        "object": {str(n): n for n in range(1_001)},
        "deep": deep,
    }
    told = json.loads(dump.encode(tree))
    assert told["text"] == "x" * 1_000 + "…"
    assert (len(told["list"]), told["list"][-1]) == (1_001, "… and 1500 more")
    assert list(told["object"])[-1] == "… and 1 more"
    assert len(dump.encode(told["deep"])) < 100


def test_what_json_does_not_know_is_told_as_text():
    told = json.loads(dump.encode({1: "lone \ud800", "set": {"a"}, "error": ValueError("v")}))
    assert told == {"1": r"lone \ud800", "set": ["a"], "error": "v"}


def test_the_entry_of_an_object_is_found_however_deep():
    entry = {"object": "Falco/ns/a", "actor": {"state": "idle"}}
    tree = {"children": [{"actor": {"children": [{"object": "Falco/ns/b"}, entry]}}]}
    assert dump.entry_of(tree, "Falco/ns/a") is entry
    assert dump.entry_of(tree, "Falco/ns/c") is None


def test_a_file_is_for_its_owner_only_and_replaces_the_last(tmp_path):
    first = dump.write(b"1", tmp_path)
    second = dump.write(b"2", tmp_path)
    assert first == second == tmp_path / f"falco-operator-{os.getpid()}-actors.json"
    assert second.read_bytes() == b"2"
    assert stat.S_IMODE(second.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [second]


def test_a_link_in_its_place_is_replaced_and_not_followed(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / f"falco-operator-{os.getpid()}-actors.json").symlink_to(victim)
    assert not dump.write(b"1", tmp_path).is_symlink()
    assert victim.read_text() == "precious"


def test_a_file_that_cannot_be_put_in_place_leaves_nothing_behind(tmp_path):
    (tmp_path / f"falco-operator-{os.getpid()}-actors.json").mkdir()
    with pytest.raises(OSError, match="Is a directory"):
        dump.write(b"1", tmp_path)
    assert len(list(tmp_path.iterdir())) == 1


async def test_a_signal_writes_the_tree_as_it_is_then(runtime, tmp_path, told):
    tree = {"state": "before"}
    async with running(SignalDump(runtime, lambda: tree, tmp_path)):
        for tree["state"] in ("first", "second"):
            os.kill(os.getpid(), signal.SIGUSR1)
            assert await told.next() == f"wrote the dump of all actors to {path_in(tmp_path)}"
            assert json.loads(path_in(tmp_path).read_bytes()) == tree


async def test_a_directory_that_is_missing_is_logged_and_no_crash(runtime, tmp_path, told):
    async with running(SignalDump(runtime, dict, tmp_path / "missing")):
        os.kill(os.getpid(), signal.SIGUSR1)
        assert "cannot write the dump of all actors" in await told.next()
        (tmp_path / "missing").mkdir()
        os.kill(os.getpid(), signal.SIGUSR1)
        assert "wrote the dump of all actors" in await told.next()


async def test_the_signal_is_harmless_when_the_actor_has_stopped(runtime, tmp_path):
    async with running(SignalDump(runtime, dict, tmp_path)):
        pass
    os.kill(os.getpid(), signal.SIGUSR1)
    assert list(tmp_path.iterdir()) == []


def path_in(directory):
    return directory / f"falco-operator-{os.getpid()}-actors.json"


class Told(logging.Handler):
    """Hands out what the dump logs, as it comes."""

    def __init__(self):
        super().__init__()
        self.messages = asyncio.Queue[str]()

    def emit(self, record):
        self.messages.put_nowait(record.getMessage())

    async def next(self):
        return await asyncio.wait_for(self.messages.get(), 10)


@pytest.fixture
def told(caplog):
    caplog.set_level(logging.INFO, logger=dump.__name__)
    handler = Told()
    logger = logging.getLogger(dump.__name__)
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)
