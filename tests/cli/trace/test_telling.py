"""The head of a story: how the actor is now."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from cli.cluster.options import Access
from cli.trace.asked import Asked
from cli.trace.telling import one_actor
from tests.cli.trace.test_story import message

TRACE = [message(1, 1, ["changed Falco a@7"], [[0, 0, 1]], outcome="crash: KeyError")]
ACTOR = {
    "kind": "Falco",
    "state": "busy",
    "running": {"message": "Reconcile", "seconds": 31.0, "waits": {"PATCH /x": 30.2}},
    "mail": {"control": 1, "reconcile": ["changed Falco a@8"]},
    "timer": None,
    "due": None,
    "problem": "409 Conflict",
    "held": {"Role/ns/a": "403"},
    "trace": TRACE,
}
IDLE = {"state": "idle", "mail": {"control": 0, "reconcile": []}, "trace": TRACE}


def told(entry):
    """What is told of an actor that is described so."""

    async def handle(_request):
        return web.json_response({"object": "Falco/ns/a", **entry})

    async def ask():
        application = web.Application()
        application.router.add_get("/debug/actors/Falco/ns/a", handle)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = "http://{}:{}".format(*runner.addresses[0][:2])
        asked = Asked(Access(namespace="ns"), server=url)
        text = await one_actor(["falco", "a"], asked, "table", 10)
        await runner.cleanup()
        return text.replace(url, "URL").splitlines()

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("entry", "lines"),
    [
        (
            {"actor": ACTOR},
            [
                "Falco/ns/a is busy, in the process at URL.",
                "It runs Reconcile for 31.0 s, waiting 30.2 s for PATCH /x.",
                "In its mail: 1 messages, changed Falco a@8.",
                "It tries again after: 409 Conflict",
                "It holds Role/ns/a back: 403",
            ],
        ),
        (
            {"actor": {**IDLE, "timer": "the next try", "due": 2.5}},
            [
                "Falco/ns/a is idle, in the process at URL.",
                "It looks again in 2.5 s: the next try.",
            ],
        ),
        (
            {"actor": IDLE},
            ["Falco/ns/a is idle, in the process at URL.", "It waits for a change."],
        ),
        (
            {"actor": None, "waits": {"error": "KeyError: x", "due": 4.0, "trace": TRACE}},
            [
                "Falco/ns/a is waiting for its restart, in the process at URL.",
                "It crashed (KeyError: x) and is started again in 4.0 s.",
            ],
        ),
        (
            {"error": "KeyError: x", "trace": TRACE},
            ["Falco/ns/a is parked in the process at URL: KeyError: x"],
        ),
    ],
)
def test_the_head_says_how_the_actor_is_and_its_trace_follows(entry, lines):
    text = told(entry)
    assert text[: len(lines)] == lines
    assert text[-1] == "    It crashed: KeyError."
    assert text[len(lines)].startswith("By its trace it reconciled once")
