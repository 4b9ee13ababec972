"""What the page of the actors costs a process of ten thousand, while a browser shows it.

Prints JSON: the longest step of the loop and the processor time, without and with the page, and the
bytes and the time of the browser. With SCREENSHOTS it also draws the page into that directory.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import time
from pathlib import Path

import pytest
import uvloop

from resources.kubernetes.reference import ObjectRef
from tests.supervisors.debug.browser import needs_chromium, tab
from tests.supervisors.debug.populace import names, populace

pytestmark = [pytest.mark.bench, pytest.mark.browser, needs_chromium]

ACTORS = 10_000
ROUNDS = 16
SECONDS = 10
RATE = 400
ODD = ("crashing-1", "crashing-2", "hanging", "blocked")


class Steps:
    """The processor time between two turns on the loop, and that of the process."""

    async def __aenter__(self):
        self._longest = 0.0
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_error):
        self._task.cancel()

    async def phase(self):
        """What the next seconds cost."""
        self._longest, begun = 0.0, time.process_time()
        await asyncio.sleep(SECONDS)
        cost = 100 * (time.process_time() - begun) / SECONDS
        return {"longest step ms": round(self._longest * 1000, 1), "processor %": round(cost, 1)}

    async def _watch(self):
        while True:
            begun = time.thread_time()
            await asyncio.sleep(0)
            self._longest = max(self._longest, time.thread_time() - begun)
            await asyncio.sleep(0.002)


@contextlib.asynccontextmanager
async def churn(process, refs):
    """So many actors a second reconcile."""

    async def go():
        while True:
            for _ in range(RATE // 20):
                await process.wake(random.choice(refs))
            await asyncio.sleep(0.05)

    task = asyncio.create_task(go())
    yield
    task.cancel()


async def measured(directory):
    refs, costs = names(ACTORS), {}
    async with populace() as process, Steps() as steps:
        for _ in range(ROUNDS):
            for ref in refs:
                await process.wake(ref)
            await process.settle()
        for name in ODD:
            await process.wake(ObjectRef("Falco", "team-00", name))
        costs["idle"] = await steps.phase()
        async with churn(process, refs):
            costs[f"{RATE} reconciles/s"] = await steps.phase()
        async with tab(directory) as page:
            await page.open(f"http://{process.debug.address}/debug/")
            costs["the page is opened"] = await steps.phase()
            costs["the page asks, idle"] = await steps.phase()
            async with churn(process, refs):
                costs[f"the page asks, {RATE} reconciles/s"] = await steps.phase()
            for what in ("th[data-column=run_max] button", "th[data-column=name] button"):
                begun = "const begun = performance.now()"
                click = f"document.querySelector('{what}').click()"
                costs[f"ms to sort by {what[15:19]}"] = await page.value(
                    f"(() => {{ {begun}; {click}; return performance.now() - begun; }})()"
                )
            costs["heap of the page MB"] = await page.value(
                "performance.memory.usedJSHeapSize / 1e6"
            )
            if "SCREENSHOTS" in os.environ:
                await drawn(page, Path(os.environ["SCREENSHOTS"]), process.debug.address)
            assert page.complaints == []
    return costs


async def drawn(page, directory, address):
    """The page of all actors, once it shows which of them hangs."""
    await page.call("Page.navigate", url=f"http://{address}/debug/")
    await page.until("document.querySelector('#attention [data-state=hangs]')")
    for scheme in ("light", "dark"):
        shot = await page.screenshot(1420, 900, scheme)
        await asyncio.to_thread((directory / f"page-{scheme}.png").write_bytes, shot)


def test_prints_what_the_page_costs(capsys, tmp_path, caplog):
    caplog.set_level("CRITICAL")
    costs = uvloop.run(measured(tmp_path))
    with capsys.disabled():
        print(json.dumps({"actors": ACTORS, **costs}, indent=1))
    longest = max(of["longest step ms"] for of in costs.values() if isinstance(of, dict))
    assert longest < 50
