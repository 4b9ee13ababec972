"""A worker process answers, or is ended, and takes nothing of us with it."""

import asyncio
import os
import subprocess
import sys

import psutil
import pytest
import uvloop

from actors.runtime.child_process import MEGABYTE, WorkerFailed, run_worker
from tests.actors.runtime.obedient_worker import Done, Order
from tests.eventually import eventually, soon

MODULE = "tests.actors.runtime.obedient_worker"
PROGRAM = """
import asyncio, sys
from actors.runtime.child_process import run_worker
from tests.actors.runtime.obedient_worker import Done, Order
asyncio.run(run_worker("tests.actors.runtime.obedient_worker", Order("hang", sys.argv[1]), Done))
"""


async def run(what, text="", size=0, **limits):
    return (await run_worker(MODULE, Order(what, text, size), Done, **limits)).text


def number_in(file):
    return int(file.read_text()) if file.exists() else 0


async def test_the_answer_comes_back():
    assert await run("echo", "Grüße") == "Grüße"


async def test_a_large_request_and_a_large_answer_do_not_block_each_other():
    assert await run("length", "x" * (8 * MEGABYTE)) == str(8 * MEGABYTE)
    assert len(await run("fill", size=8 * MEGABYTE)) == 8 * MEGABYTE


async def test_what_it_writes_to_standard_error_never_blocks_it():
    assert await run("chatter", size=4 * MEGABYTE) == str(4 * MEGABYTE)


@pytest.mark.parametrize("what", ["eat", "abort", "die"])
async def test_without_memory_it_fails(what):
    with pytest.raises(WorkerFailed, match="needed more than 40 MiB of memory"):
        await run(what, size=MEGABYTE, memory=40 * MEGABYTE)


async def test_it_ends_at_its_deadline():
    with pytest.raises(WorkerFailed, match=r"took longer than 0\.5 s"):
        await run("hang", seconds=0.5)


async def test_a_crash_is_told_by_its_place_and_not_by_its_text():
    with pytest.raises(WorkerFailed) as error:
        await run("crash", "a secret")
    assert "failed: ValueError at obedient_worker.py:" in str(error.value)
    assert "secret" not in str(error.value)


async def test_an_exit_is_told_by_its_code():
    with pytest.raises(WorkerFailed, match="failed with exit code 3"):
        await run("exit", size=3)


async def test_a_module_that_is_not_there_is_a_failure():
    with pytest.raises(WorkerFailed, match="failed with exit code 1"):
        await run_worker("tests.actors.no_such_worker", Order("echo"), Done)


async def test_threads_that_it_leaves_do_not_hold_it():
    assert await run("leave", size=600) == "left"


async def test_a_cancelled_run_leaves_no_process(tmp_path):
    file = tmp_path / "pid"
    running = asyncio.create_task(run("hang", str(file)))
    pid = await soon(lambda: number_in(file))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not psutil.pid_exists(pid)


def test_it_dies_with_us(tmp_path):
    file = tmp_path / "pid"
    with subprocess.Popen([sys.executable, "-c", PROGRAM, str(file)]) as parent:
        pid = eventually(lambda: number_in(file))
        parent.kill()
    eventually(lambda: not psutil.pid_exists(pid))


async def test_it_knows_of_our_environment_only_what_it_needs(monkeypatch):
    monkeypatch.setenv("REGISTRY_PASSWORD", "a secret")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    names = (await run("environment")).split()
    assert "HTTPS_PROXY" in names
    assert "REGISTRY_PASSWORD" not in names


async def test_modules_do_not_come_from_the_working_directory(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert str(tmp_path) not in (await run("path")).split()


async def test_a_signal_to_our_terminal_is_not_for_it():
    assert int(await run("session")) != os.getsid(0)


async def test_it_does_without_what_only_we_need():
    assert not {"asyncio", "pykka", "aiohttp"} & set((await run("modules")).split())


async def test_many_at_once_do_not_mix_up_their_answers():
    texts = [str(number) for number in range(8)]
    assert await asyncio.gather(*(run("echo", text) for text in texts)) == texts


async def test_what_is_no_answer_is_a_failure():
    with pytest.raises(WorkerFailed, match="gave an answer that cannot be read"):
        await run_worker("this", Order("echo", "x" * MEGABYTE), Done)


def test_it_is_the_same_on_the_loop_that_we_really_use(tmp_path):
    file = tmp_path / "pid"

    async def answered_and_cancelled():
        assert await run("length", "x" * MEGABYTE) == str(MEGABYTE)
        with pytest.raises(WorkerFailed, match="took longer than"):
            await run("hang", seconds=0.5)
        running = asyncio.create_task(run("hang", str(file)))
        pid = await soon(lambda: number_in(file))
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert not psutil.pid_exists(pid)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(answered_and_cancelled())
