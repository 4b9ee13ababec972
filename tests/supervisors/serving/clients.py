"""Actors that serve HTTP, run for a test, and clients for them."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp

from supervisors.serving.exposure import Address

if TYPE_CHECKING:
    from collections.abc import Mapping

ANY_PORT = Address("127.0.0.1", 0)


@dataclass(frozen=True)
class Answer:
    """A response, read."""

    status: int
    headers: Mapping[str, str]
    text: str


@contextlib.asynccontextmanager
async def running(actor):
    """Start the actor, give it, and stop it; cancelled if it crashes at start."""
    ref, ready = actor.launch(), asyncio.get_running_loop().create_future()
    ref.link(lambda _, end: ready.cancel(str(end.error)), ready.set_result)
    await ready
    try:
        yield actor
    finally:
        await ref.stop()


async def exit_of(actor):
    ref, gone = actor.launch(), asyncio.get_running_loop().create_future()
    ref.link(lambda _, end: gone.set_result(end), None)
    return await gone


async def get(server, path, method="GET", scheme="http", **options):
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"{scheme}://{server.address}{path}", **options) as response,
    ):
        text = await response.text(errors="replace")
        return Answer(response.status, response.headers, text)


async def talk(address, text):
    """Send bytes and return everything that comes until the server closes."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(text)
        return await reader.read()
    finally:
        writer.close()
