"""A headless Chromium, driven by its own protocol."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
from base64 import b64decode
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.eventually import soon

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
WITHOUT = "no Chromium; Debian has one: apt-get install chromium"
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason=WITHOUT)

_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # tests may run as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--remote-debugging-port=0",
)
_MODIFIERS = {"Alt": 1, "Control": 2, "Shift": 8}


class Tab:
    """One tab; `complaints` are the errors and warnings of its console, and of its policies."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._reader = asyncio.create_task(self._read())
        self.complaints: list[str] = []

    async def close(self) -> None:
        self._reader.cancel()
        await self._socket.close()

    async def call(self, method: str, **parameters: Any) -> Any:
        """The result of a command of the DevTools protocol."""
        number = len(self._answers) + 1
        self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        return await asyncio.wait_for(self._answers[number], 60)

    async def open(self, address: str) -> None:
        for domain in ("Page", "Runtime", "Log"):
            await self.call(f"{domain}.enable")
        await self.call("Page.navigate", url=address)

    async def value(self, expression: str) -> Any:
        """The value of an expression in the page, awaited if it is a promise."""
        answer = await self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def until(self, expression: str) -> Any:
        """The value of an expression once it is true; it is looked at once a frame."""
        again = f"const value = {expression}; value ? done(value) : requestAnimationFrame(look)"
        return await self.value(
            f"new Promise(done => {{ const look = () => {{ {again}; }}; look(); }})"
        )

    async def press(self, key: str) -> None:
        """Press a key, as a user does."""
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        await self.call("Input.dispatchKeyEvent", type="keyDown", key=key, text=text)
        await self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    async def click(self, selector: str) -> None:
        """Click into the middle of an element."""
        where = f"document.querySelector({json.dumps(selector)})"
        x, y = await self.value(
            f"(e => (e.scrollIntoView({{block: 'nearest'}}), e = e.getBoundingClientRect(), "
            f"[e.x + Math.min(e.width, 60) / 2, e.y + e.height / 2]))({where})"
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.call(
                "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1
            )

    async def screenshot(self, width: int, height: int, scheme: str = "light") -> bytes:
        """The page at this size as PNG, in light or dark colours."""
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        await self.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )
        await self.value("new Promise(done => requestAnimationFrame(() => setTimeout(done, 300)))")
        shot = await self.call("Page.captureScreenshot", format="png")
        return b64decode(shot["data"])

    async def _read(self) -> None:
        async for message in self._socket:
            told = message.json()
            if "id" in told:
                answer = self._answers[told["id"]]
                if "error" in told:
                    answer.set_exception(AssertionError(told["error"]))
                else:
                    answer.set_result(told["result"])
            else:
                self._hear(told["method"], told["params"])

    def _hear(self, method: str, told: dict[str, Any]) -> None:
        if method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(told["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and told["type"] in {"error", "warning"}:
            self.complaints.append(json.dumps(told["args"]))
        elif method == "Log.entryAdded" and told["entry"]["level"] in {"error", "warning"}:
            self.complaints.append(json.dumps(told["entry"]))


@contextlib.asynccontextmanager
async def tab(profile: Path) -> AsyncIterator[Tab]:
    """A tab of a Chromium that keeps its profile in this directory, and ends with the context."""
    assert CHROMIUM is not None, WITHOUT
    with (profile / "log").open("wb") as log:
        browser = await asyncio.create_subprocess_exec(
            CHROMIUM, *_FLAGS, f"--user-data-dir={profile}", "about:blank", stdout=log, stderr=log
        )
    try:
        port = await soon(lambda: _port(profile / "DevToolsActivePort"))
        async with aiohttp.ClientSession() as session:
            address = f"http://127.0.0.1:{port}/json/new?about:blank"
            async with session.put(address) as response:
                made = await response.json()
            async with session.ws_connect(
                made["webSocketDebuggerUrl"], max_msg_size=0, heartbeat=None
            ) as socket:
                opened = Tab(socket)
                try:
                    yield opened
                finally:
                    await opened.close()
    finally:
        browser.terminate()
        await browser.wait()


def _port(file: Path) -> str:
    return file.read_text().splitlines()[0] if file.exists() and file.stat().st_size else ""
