"""The page of the actors, as `dashboard` shows it."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest
from aiohttp import web

from cli.cluster.options import Access
from cli.failure import Failure
from cli.trace import page
from cli.trace.asked import Asked
from cli.trace.debug_client import DebugClient


@pytest.fixture
async def url():
    """A server whose page is there."""

    async def handle(_request):
        return web.Response(text="page")

    application = web.Application()
    application.router.add_get("/debug/", handle)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}"
    await runner.cleanup()


class Shown:
    """What the command says and opens; `said` is set once it has said something."""

    def __init__(self, *, has_browser=True):
        self.lines: list[str] = []
        self.opened: list[str] = []
        self.said = asyncio.Event()
        self.has_browser = has_browser

    def tell(self, line):
        self.lines.append(line)
        self.said.set()

    def open(self, address):
        self.opened.append(address)
        return self.has_browser


async def test_a_page_that_is_reached_anyhow_is_opened_and_the_command_ends(url):
    shown = Shown()
    await page.show(Asked(Access(), server=url), shown.tell, shown.open)
    assert shown.opened == [f"{url}/debug/"]
    assert shown.lines == [f"{url}/debug/ shows the process at {url}"]


async def test_without_a_browser_the_address_is_told_all_the_same(url):
    shown = Shown(has_browser=False)
    await page.show(Asked(Access(), server=url), shown.tell, shown.open)
    assert shown.lines[-1] == "No browser could be opened."


async def test_the_forward_stays_until_a_signal(url, monkeypatch):
    class Forwarded:
        async def __aenter__(self):
            return DebugClient(url, "the operator in pod ns/a")

        async def __aexit__(self, *_):
            pass

    monkeypatch.setattr(page, "debug_client", lambda _asked: Forwarded())
    told, opened = Shown(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def open_page(_address):
        loop.call_soon_threadsafe(opened.set)
        return True

    shown = asyncio.create_task(page.show(Asked(Access()), told.tell, open_page))
    await asyncio.wait_for(opened.wait(), 60)
    assert "the operator in pod ns/a" in told.lines[0]
    assert not shown.done()
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(shown, 60)


async def test_a_process_without_a_page_is_told(url):
    shown = Shown()
    with pytest.raises(Failure, match="has no page"):
        await page.show(Asked(Access(), server=f"{url}/elsewhere"), shown.tell, shown.open)
